-- What a new shop starts with. No products or customers: those are the shop's own.
INSERT INTO categories (id, name, position) VALUES (2, 'New', 10), (3, 'Sale', 20);

INSERT INTO shop_settings (key, value) VALUES ('currency', 'EUR'), ('free_shipping_cents', 5000), ('vat_rate', 0.19);

INSERT INTO coupons (code, percent) VALUES ('WELCOME10', 10);

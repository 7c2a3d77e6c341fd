// Sends a form as JSON and shows what came of it, next to the fields at fault.

/** The secret behind `#token=`: it never reaches a server's log. */
export function tokenInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
}

/**
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<string | { more: string }>} send resolves to the sentence that says
 *   it worked, or to one that says what else is needed: then the form stays
 */
export function onSubmit(form, send) {
  const status = /** @type {HTMLElement} */ (document.querySelector("[role=status]"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    button.disabled = true;
    clearFaults(form);
    try {
      const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
      const done = await send(values);
      status.textContent = typeof done === "string" ? done : done.more;
      status.className = "";
      form.hidden = typeof done === "string";
    } catch (error) {
      showFaults(form, error.fields ?? []);
      status.textContent = error.message;
      status.className = "bad";
    } finally {
      button.disabled = false;
    }
  });
}

/** Posts JSON, if any, and returns the answer, or throws an error with `message`, `code` and `fields`. */
export async function post(path, body, token) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  // Who is signed in to the console has cookies besides, and two credentials are refused.
  const credentials = token ? "omit" : "same-origin";
  const response = await fetch(`/api/v1${path}`, { method: "POST", headers, credentials, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { detail = `The server answered ${response.status}.`, code, errors: fields } = answer;
  throw Object.assign(new Error(detail), { code, fields });
}

function clearFaults(form) {
  for (const fault of form.querySelectorAll(".fault")) fault.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

function showFaults(form, faults) {
  for (const { field, message } of faults) {
    const input = form.elements.namedItem(field);
    if (!input) continue;
    const fault = Object.assign(document.createElement("small"), { className: "fault", textContent: message, id: `${field}-fault` });
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", fault.id);
    input.after(fault);
  }
}

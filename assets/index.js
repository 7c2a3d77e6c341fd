// The commands work as pasted: they name the address at which this page was opened.
for (const pre of document.querySelectorAll("pre")) {
  pre.textContent = pre.textContent.replaceAll("http://127.0.0.1:8080", location.origin);
}

// Sending a file. `fetch` does not tell how far it is, an older way does.

import { Problem, send } from "../api.js";
import { s } from "../strings.js";

/**
 * The answer, read as JSON; nothing where there is no content.
 * @param {string} method @param {string} path below `/api/v1` @param {File | FormData} body @param {(part: number) => void} told how much of it is sent, of 1
 * @returns {Promise<any>}
 */
export async function upload(method, path, body, told) {
  // An ordinary request first: the access token may have to be had anew.
  await send("GET", "/me");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, `/api/v1${path}`);
    if (body instanceof File) request.setRequestHeader("content-type", body.type || "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onerror = () => reject(new Problem({ status: 0, code: "offline", detail: s.problem.offline }));
    request.onload = () => {
      /** @type {any} */
      let answer;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // What is no document says nothing more than its status.
      }
      if (request.status < 300) return resolve(answer);
      reject(new Problem({ status: request.status, code: answer?.code ?? "unknown", detail: answer?.detail ?? s.problem.status(request.status), fields: answer?.errors, requestId: answer?.request_id }));
    };
    request.send(body);
  });
}

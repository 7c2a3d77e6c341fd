// The one place that names the vendored modules.

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

/** Markup as a tagged template. Texts in it are texts: nothing a tenant wrote becomes markup. */
export const html = htm.bind(h);

export { Component, createContext, Fragment, render } from "../vendor/preact.js";
export { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef, useState } from "../vendor/hooks.js";

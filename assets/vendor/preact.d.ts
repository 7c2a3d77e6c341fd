export type VNode = any;
export function h(type: any, props?: any, ...children: any[]): VNode;
export function render(node: VNode, parent: Element): void;
export function createContext<T>(value: T): { Provider: any; Consumer: any };
export const Fragment: any;
export class Component { props: any; state: any; setState(change: any): void; render(...args: any[]): VNode; }

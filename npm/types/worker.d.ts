/** A Worker that serves the component's edge interface: `POST /sync`, `GET /discover`, `/about` and `/health`. */
declare const worker: {
  fetch(request: Request, env: Record<string, unknown>, context: { waitUntil(promise: Promise<unknown>): void }): Promise<Response>;
};
export default worker;

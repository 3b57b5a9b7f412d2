import { assertEquals } from "@std/assert";
import { isGranted } from "./machine.ts";

// A browser has nothing of Deno's: what a private room needs it has to find anywhere.
Deno.test({
  name: "a private room holds a conversation in a worker without permissions",
  ignore: !isGranted("read"),
  async fn() {
    const url = new URL("./private_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module", deno: { permissions: "none" } });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    assertEquals(await promise, { answer: "re: ¿HTML?", granted: false });
    worker.terminate();
  },
});

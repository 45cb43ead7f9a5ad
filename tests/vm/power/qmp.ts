// The two commands of QEMU's monitor that a power cut needs, over its machine protocol (QMP).
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** A connection to a guest's monitor. */
export class Monitor implements Disposable {
  readonly #socket: Socket;
  readonly #waiting: ((answer: unknown) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {}); // the guest was killed: nobody waits for an answer then
    createInterface({ input: socket }).on("line", (line) => {
      const answer = JSON.parse(line);
      if ("return" in answer || "error" in answer) this.#waiting.shift()?.(answer);
    });
  }

  /** Connects to the socket that QEMU was given with -qmp. */
  static async open(path: string): Promise<Monitor> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const monitor = new Monitor(socket);
    await monitor.#execute("qmp_capabilities");
    return monitor;
  }

  /** Holds all processors of the guest; its memory stays as it is until {@linkcode Monitor.resume}. */
  async pause(): Promise<void> {
    await this.#execute("stop");
  }

  /** Lets the guest run on. */
  async resume(): Promise<void> {
    await this.#execute("cont");
  }

  async #execute(command: string): Promise<void> {
    const answer = new Promise((resolve) => this.#waiting.push(resolve));
    this.#socket.write(JSON.stringify({ execute: command }) + "\n");
    const { error } = await answer as { error?: { desc: string } };
    if (error) throw new Error(`QEMU refuses "${command}": ${error.desc}`);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

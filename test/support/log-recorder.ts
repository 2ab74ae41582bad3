import type { Log } from "../../src/log.ts";

export interface LogLine {
  level: string;
  text: string;
  fields: Record<string, unknown>;
}

/** A log that keeps its lines. */
export class LogRecorder implements Log {
  readonly lines: LogLine[];
  readonly #fields: object;

  constructor(lines: LogLine[] = [], fields: object = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  trace(fields: object, text: string): void {
    this.#add("trace", fields, text);
  }

  debug(fields: object, text: string): void {
    this.#add("debug", fields, text);
  }

  info(fields: object, text: string): void {
    this.#add("info", fields, text);
  }

  warn(fields: object, text: string): void {
    this.#add("warn", fields, text);
  }

  error(fields: object, text: string): void {
    this.#add("error", fields, text);
  }

  child(fields: object): LogRecorder {
    return new LogRecorder(this.lines, { ...this.#fields, ...fields });
  }

  setLevel(): void {}

  /** Lines of warnings and errors. */
  get complaints(): LogLine[] {
    return this.lines.filter(({ level }) => level === "warn" || level === "error");
  }

  #add(level: string, fields: object, text: string): void {
    this.lines.push({ level, text, fields: { ...this.#fields, ...fields } });
  }
}

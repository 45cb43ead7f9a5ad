/** Random structs, values for them, and the C program that knows the same ones. */

import {
  array,
  bool,
  bytes,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  struct,
  u16,
  u32,
  u64,
  u8,
  utf8,
} from "../../src/struct/mod.ts";
import type { Fields, Struct, Type } from "../../src/struct/mod.ts";

/** A struct, where it lies in the file, and what each side writes into it. */
export interface RandomLayout {
  readonly type: Struct<Fields>;
  readonly byteOffset: number;
  readonly fromC: Values;
  readonly toC: Values;
  /** Its declaration in C, with those that it needs. */
  readonly declarations: string[];
  readonly name: string;
}

type Values = Record<string, unknown>;

/** A type on both sides: how C declares a field of it, and a random value with the C expressions for its parts. */
interface Both {
  readonly type: Type;
  declare(name: string): string;
  value(): { value: unknown; leaves: Leaf[] };
}

/** A part of a value: what follows the field's name in C, and what is there. Bytes are compared as such. */
interface Leaf {
  readonly path: string;
  readonly literal?: string;
  readonly bytes?: Uint8Array;
}

/** Makes structs from a seed. */
export function makeLayouts(count: number, seed: number): RandomLayout[] {
  let state = seed;
  const below = (limit: number) => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
  let structs = 0, byteOffset = 0;

  const scalar = (type: Type, c: string, draw: () => { value: unknown; literal: string }): Both => ({
    type,
    declare: (name) => `${c} ${name}`,
    value: () => {
      const { value, literal } = draw();
      return { value, leaves: [{ path: "", literal }] };
    },
  });
  const integer = (type: Type, c: string, bits: number, signed: boolean) =>
    scalar(type, c, () => {
      // The ends of the range as often as anything between
      let drawn = [0n, 1n, 2n ** BigInt(bits) - 1n, 2n ** BigInt(bits - 1)][below(8)] ??
        BigInt(below(2 ** 32)) << 32n | BigInt(below(2 ** 32));
      drawn = signed ? BigInt.asIntN(bits, drawn) : BigInt.asUintN(bits, drawn);
      const literal = `(${c})${BigInt.asUintN(64, drawn)}ULL`;
      return { value: bits === 64 ? drawn : Number(drawn), literal };
    });
  const float = (type: Type, c: string) =>
    scalar(type, c, () => {
      const value = (below(2 ** 20) - 2 ** 19) / 64;
      return { value, literal: `(${c})${value}` };
    });
  const scalars = [
    ...[
      integer(u8, "uint8_t", 8, false),
      integer(i8, "int8_t", 8, true),
      integer(u16, "uint16_t", 16, false),
    ],
    ...[
      integer(i16, "int16_t", 16, true),
      integer(u32, "uint32_t", 32, false),
      integer(i32, "int32_t", 32, true),
    ],
    ...[
      integer(u64, "uint64_t", 64, false),
      integer(i64, "int64_t", 64, true),
      float(f32, "float"),
      float(f64, "double"),
    ],
    scalar(bool, "bool", () => {
      const value = below(2) === 1;
      return { value, literal: String(value) };
    }),
  ];

  const ofBytes = (): Both => {
    const length = 1 + below(20);
    return {
      type: bytes(length),
      declare: (name) => `uint8_t ${name}[${length}]`,
      value: () => {
        const value = Uint8Array.from({ length }, () => below(256));
        return { value, leaves: [{ path: "", bytes: value }] };
      },
    };
  };
  const text = (): Both => {
    const length = 1 + below(20);
    return {
      type: utf8(length),
      declare: (name) => `char ${name}[${length}]`,
      value: () => {
        let value = "";
        for (let i = below(8); i > 0; i--) value += ["a", "Z", "é", "€", "🦕"][below(5)];
        while (new TextEncoder().encode(value).length > length) value = [...value].slice(0, -1).join("");
        const padded = new Uint8Array(length);
        new TextEncoder().encodeInto(value, padded);
        return { value, leaves: [{ path: "", bytes: padded }] };
      },
    };
  };
  const many = (depth: number, declarations: string[]): Both => {
    const element = any(depth + 1, declarations), length = 1 + below(4);
    return {
      type: array(element.type, length),
      // C writes the dimensions of an array of arrays outermost first, right after the name
      declare: (name) => element.declare(`${name}[${length}]`),
      value: () => {
        const all = Array.from({ length }, () => element.value());
        const leaves = all.flatMap(({ leaves }, i) =>
          leaves.map((leaf) => ({ ...leaf, path: `[${i}]${leaf.path}` }))
        );
        return { value: all.map(({ value }) => value), leaves };
      },
    };
  };
  const record = (depth: number, declarations: string[]): Both & { name: string } => {
    const fields = Array.from(
      { length: 1 + below(6) },
      (_, i) => [`f${i}`, any(depth + 1, declarations)] as const,
    );
    const name = `s${structs++}`;
    declarations.push(
      `struct ${name} { ${fields.map(([name, both]) => `${both.declare(name)};`).join(" ")} };`,
    );
    return {
      name,
      type: struct(Object.fromEntries(fields.map(([name, { type }]) => [name, type]))),
      declare: (field) => `struct ${name} ${field}`,
      value: () => {
        const all = fields.map(([name, both]) => ({ name, ...both.value() }));
        const leaves = all.flatMap(({ name, leaves }) =>
          leaves.map((leaf) => ({ ...leaf, path: `.${name}${leaf.path}` }))
        );
        return { value: Object.fromEntries(all.map(({ name, value }) => [name, value])), leaves };
      },
    };
  };
  const any = (depth: number, declarations: string[]): Both => {
    const drawn = below(depth < 3 ? 10 : 7);
    if (drawn < 5) return scalars[below(scalars.length)]!;
    if (drawn === 5) return ofBytes();
    if (drawn === 6) return text();
    return drawn === 7 ? record(depth, declarations) : many(depth, declarations);
  };

  return Array.from({ length: count }, () => {
    const declarations: string[] = [], { name, type, value } = record(0, declarations);
    const fromC = value(), toC = value();
    leavesOf.set(fromC.value as Values, fromC.leaves).set(toC.value as Values, toC.leaves);
    byteOffset = Math.ceil(byteOffset / 64) * 64;
    const layout = {
      type: type as Struct<Fields>,
      byteOffset,
      fromC: fromC.value as Values,
      toC: toC.value as Values,
      declarations,
      name,
    };
    byteOffset += type.byteLength;
    return layout;
  });
}

const leavesOf = new WeakMap<Values, Leaf[]>();

/** The program: `layout` prints sizes, alignments and offsets, `write` makes a file, `check` prints what differs in one. */
export function cProgram(layouts: readonly RandomLayout[]): string {
  const last = layouts.at(-1)!, byteLength = last.byteOffset + last.type.byteLength;
  const statement = (place: string, { path, literal, bytes }: Leaf, check: boolean) => {
    const target = `${place}${path}`;
    if (bytes === undefined) {
      return check ? `if (${target} != ${literal}) puts("${target}");` : `${target} = ${literal};`;
    }
    const text = `"${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}"`;
    return check
      ? `if (memcmp(${target}, ${text}, ${bytes.length}) != 0) puts("${target}");`
      : `memcpy(${target}, ${text}, ${bytes.length});`;
  };
  const each = (body: (layout: RandomLayout) => string) => layouts.map(body).join("\n");
  const inPlace = (check: boolean) =>
    each(({ name, byteOffset, fromC, toC }) =>
      `{ struct ${name} *p = (void *)(memory + ${byteOffset});\n` +
      leavesOf.get(check ? toC : fromC)!.map((leaf) => statement("(*p)", leaf, check)).join("\n") + "}"
    );
  return `
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
${each(({ declarations }) => declarations.join("\n"))}
_Alignas(64) static unsigned char memory[${byteLength}];
static void layout(void) {
${
    each(({ name, type }) =>
      `printf("%zu %zu", sizeof(struct ${name}), _Alignof(struct ${name}));` +
      Object.keys(type.fields).map((field) => `printf(" %zu", offsetof(struct ${name}, ${field}));`).join(
        "",
      ) + `puts("");`
    )
  }
}
static void fill(void) {
${inPlace(false)}
}
static void check(void) {
${inPlace(true)}
}
int main(int count, char **words) {
  if (count != 3) return 2;
  if (strcmp(words[1], "layout") == 0) return layout(), 0;
  bool writing = strcmp(words[1], "write") == 0;
  FILE *file = fopen(words[2], writing ? "wb" : "rb");
  if (!file) return 3;
  if (writing) fill();
  size_t done = writing ? fwrite(memory, 1, sizeof memory, file) : fread(memory, 1, sizeof memory, file);
  if (done != sizeof memory || fclose(file) != 0) return 4;
  if (!writing) check();
  return 0;
}
`;
}

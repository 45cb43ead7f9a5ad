/**
 * The version of this package.
 *
 * @module
 */

/** As in deno.json and package.json, which a test compares: a module that came over https has no such file at hand. */
export const version = "0.1.0";

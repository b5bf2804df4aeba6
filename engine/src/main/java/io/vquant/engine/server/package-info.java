/**
 * The HTTP server: OpenAI's API over {@code engine.batching}, and a page to chat from a browser.
 *
 * <p>For the command line. The invariants: a client that is slow, gone or hostile costs the others
 * nothing but its slot, and that for a bounded time; a field that is not understood is refused by
 * name, never ignored; every refusal is OpenAI's error object.
 */
@NullMarked
package io.vquant.engine.server;

import org.jspecify.annotations.NullMarked;

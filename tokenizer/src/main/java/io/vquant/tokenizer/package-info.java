/**
 * Text to token ids and back, as Hugging Face's {@code tokenizers} library does it (reached through
 * the JNI binding of DJL).
 *
 * <p>{@link io.vquant.tokenizer.Tokenizer} is the entry; {@link
 * io.vquant.tokenizer.StreamingDecoder} turns ids that arrive one at a time into text. Any module
 * above may use this package; it knows nothing of models, tensors or sessions.
 *
 * <p>Invariants: ids are those of the library, to the last one; text that a user typed never
 * becomes a control token unless the caller asks; nothing is truncated or padded; nothing touches
 * the network. {@link io.vquant.tokenizer.NativeTokenizer} is the only class that names DJL, {@link
 * io.vquant.tokenizer.NativeLibrary} the only one that knows where its jar keeps the library.
 */
@NullMarked
package io.vquant.tokenizer;

import org.jspecify.annotations.NullMarked;

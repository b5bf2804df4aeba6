/**
 * Pass keys hidden in long texts, after Kamradt's needle in a haystack and the pass-key test of
 * Mohtashami and Jaggi (2023): whether a model finds what it was told, by length of the text and
 * depth of the place. Used by {@code engine}, which adapts its sessions to {@link
 * io.vquant.eval.needle.NeedleModel}.
 *
 * <p>Prompts are made of token ids, so that their lengths are exact; the same seed makes the same
 * prompts.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.eval.needle;

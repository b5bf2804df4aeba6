package io.vquant.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a streaming decoder must know of the {@code decoder} in tokenizer.json.
 *
 * @param streamable whether the text of a sequence only grows when ids follow, apart from one
 *     U+FFFD at its end and from a run of byte tokens; known for the decoders of language models,
 *     not for CTC or for replacements across tokens
 * @param byteFallback whether tokens {@code <0x00>} to {@code <0xFF>} stand for bytes. The library
 *     turns a whole run of them into text, or, if the run is not UTF-8, each of its bytes into
 *     U+FFFD: so nothing of a run is known before it ends
 * @param bytes what tokens stand for
 */
record DecoderTraits(boolean streamable, boolean byteFallback, TokenBytes bytes) {

  /**
   * @param decoder the JSON value; null joins tokens by spaces
   */
  static DecoderTraits of(@Nullable Object decoder) {
    List<Map<?, ?>> steps = new ArrayList<>();
    if (!flatten(decoder, steps)) {
      return new DecoderTraits(false, true, TokenBytes.UNKNOWN);
    }
    boolean streamable = true;
    boolean byteFallback = false;
    boolean fused = false;
    for (Map<?, ?> step : steps) {
      String type = String.valueOf(step.get("type"));
      switch (type) {
        case "ByteFallback" -> byteFallback = true;
        case "Fuse" -> fused = true;
        case "Replace" -> streamable &= !fused || replacesOneCharacter(step);
        case "Strip" -> streamable &= "0".equals(String.valueOf(step.get("stop")));
        case "ByteLevel", "Metaspace", "WordPiece", "BPEDecoder" -> streamable &= steps.size() == 1;
        default -> streamable = false;
      }
    }
    return new DecoderTraits(
        streamable, byteFallback, streamable ? bytes(steps) : TokenBytes.UNKNOWN);
  }

  private static TokenBytes bytes(List<Map<?, ?>> steps) {
    for (Map<?, ?> step : steps) {
      switch (String.valueOf(step.get("type"))) {
        case "ByteLevel" -> {
          return TokenBytes.BYTE_LEVEL;
        }
        case "Metaspace", "ByteFallback" -> {
          return TokenBytes.SENTENCEPIECE;
        }
        default -> {}
      }
    }
    return TokenBytes.UNKNOWN;
  }

  private static boolean replacesOneCharacter(Map<?, ?> step) {
    return step.get("pattern") instanceof Map<?, ?> pattern
        && pattern.get("String") instanceof String text
        && text.codePointCount(0, text.length()) == 1;
  }

  private static boolean flatten(@Nullable Object decoder, List<Map<?, ?>> steps) {
    if (decoder == null) {
      return true;
    }
    if (!(decoder instanceof Map<?, ?> step)) {
      return false;
    }
    if (!"Sequence".equals(step.get("type"))) {
      steps.add(step);
      return true;
    }
    if (!(step.get("decoders") instanceof List<?> parts)) {
      return false;
    }
    for (Object part : parts) {
      if (!flatten(part, steps)) {
        return false;
      }
    }
    return true;
  }

  /** Whether the token stands for a byte. */
  boolean isByte(String token) {
    return byteFallback && token.length() == 6 && token.startsWith("<0x") && token.endsWith(">");
  }
}

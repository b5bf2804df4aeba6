package io.vquant.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * UTF-8 byte by byte. Java's own conversions have their loops in large methods, which take their
 * time to be compiled; these are small, and run over megabytes at every start.
 */
final class StringBytes {
  private StringBytes() {}

  /**
   * Passes over the inside of a JSON string.
   *
   * @return the first index from {@code from} on where there is a quote, a backslash, a control
   *     character, no valid UTF-8, or nothing any more
   */
  static int plainEnd(byte[] text, int from) {
    int i = from;
    while (i < text.length) {
      int b = text[i];
      if (b < ' ') {
        int length = b >= 0 ? 0 : sequenceLength(text, i);
        if (length == 0) {
          break;
        }
        i += length;
      } else if (b == '"' || b == '\\') {
        break;
      } else {
        i++;
      }
    }
    return i;
  }

  /**
   * How many bytes the character outside ASCII has that begins here; 0 where there is none that
   * Unicode allows (table 3-7 of the standard: no overlong forms, no surrogates).
   */
  private static int sequenceLength(byte[] text, int at) {
    int lead = text[at] & 0xff;
    int length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || text.length - at < length) {
      return 0;
    }
    int second = text[at + 1] & 0xff;
    int least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    int most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) {
      return 0;
    }
    for (int i = at + 2; i < at + length; i++) {
      if ((text[i] & 0xc0) != 0x80) {
        return 0;
      }
    }
    return length;
  }

  /**
   * The number of one to nine digits that begins at {@code at}; -1 where something else does. Reads
   * on from valid JSON only.
   */
  static int number(byte[] json, int at) {
    int value = 0;
    int i = at;
    while (json[i] >= '0' && json[i] <= '9' && i < at + 10) {
      value = 10 * value + (json[i] - '0');
      i++;
    }
    boolean ends = json[i] != '.' && json[i] != 'e' && json[i] != 'E';
    return ends && i > at && i < at + 10 ? value : -1;
  }

  /**
   * The same JSON in ASCII, characters beyond it as escapes: Java keeps such a string in bytes and
   * hands it to native code without work.
   *
   * @param json valid JSON in valid UTF-8
   */
  static String ascii(byte[] json) {
    byte[] ascii = new byte[json.length + json.length / 4 + 16];
    int size = 0;
    for (int i = 0; i < json.length; ) {
      if (ascii.length - size < 12) { // the two escapes of a character beyond U+FFFF
        ascii = Arrays.copyOf(ascii, 2 * ascii.length);
      }
      byte b = json[i];
      if (b >= 0) {
        ascii[size++] = b;
        i++;
      } else {
        int length = b < (byte) 0xe0 ? 2 : b < (byte) 0xf0 ? 3 : 4;
        size = escape(ascii, size, json, i, length);
        i += length;
      }
    }
    return new String(ascii, 0, size, StandardCharsets.ISO_8859_1);
  }

  private static int escape(byte[] out, int size, byte[] json, int at, int length) {
    int character = json[at] & (0x7f >> length);
    for (int i = at + 1; i < at + length; i++) {
      character = character << 6 | (json[i] & 0x3f);
    }
    if (length < 4) {
      return escape(out, size, character);
    }
    int end = escape(out, size, Character.highSurrogate(character));
    return escape(out, end, Character.lowSurrogate(character));
  }

  private static int escape(byte[] out, int size, int unit) {
    out[size] = '\\';
    out[size + 1] = 'u';
    for (int i = 0; i < 4; i++) {
      int digit = unit >> (12 - 4 * i) & 15;
      out[size + 2 + i] = (byte) (digit < 10 ? '0' + digit : 'a' - 10 + digit);
    }
    return size + 6;
  }
}

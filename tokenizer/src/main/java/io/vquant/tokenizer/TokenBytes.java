package io.vquant.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The bytes that a token adds to a text, by the kind of its decoder. Byte-level vocabularies write
 * each byte as one character (Radford et al. 2019, bytes_to_unicode of GPT-2): printable ones as
 * themselves, the others from U+0100 on in order.
 */
enum TokenBytes {
  /** A character a byte. */
  BYTE_LEVEL {
    @Override
    byte[] of(String token) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(token.length());
      for (int i = 0; i < token.length(); i++) {
        char c = token.charAt(i);
        if (isOwnCharacter(c)) {
          bytes.write(c);
        } else if (c >= FIRST_SHIFTED && c < FIRST_SHIFTED + SHIFTED) {
          bytes.write(shiftedByte(c - FIRST_SHIFTED));
        } else { // not in the alphabet: the library writes such a token as it is
          return token.getBytes(StandardCharsets.UTF_8);
        }
      }
      return bytes.toByteArray();
    }
  },

  /** {@code ▁} is a blank; {@code <0x0A>} may be a byte. */
  SENTENCEPIECE {
    @Override
    byte[] of(String token) {
      if (token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
        try {
          return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
        } catch (NumberFormatException notHex) {
          return token.getBytes(StandardCharsets.UTF_8);
        }
      }
      return token.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }
  },

  /** A decoder whose text is not the sum of its tokens. */
  UNKNOWN {
    @Override
    byte[] of(String token) {
      throw new IllegalStateException("this decoder's tokens have no bytes of their own");
    }
  };

  private static final int FIRST_SHIFTED = 0x100;

  /** Bytes 0 to 32, 127 to 160 and 173. */
  private static final int SHIFTED = 33 + 34 + 1;

  /** What the token stands for. */
  abstract byte[] of(String token);

  private static boolean isOwnCharacter(int c) {
    return (c > 32 && c < 127) || (c > 160 && c < 256 && c != 173);
  }

  private static int shiftedByte(int index) {
    return index < 33 ? index : index < 67 ? index - 33 + 127 : 173;
  }
}

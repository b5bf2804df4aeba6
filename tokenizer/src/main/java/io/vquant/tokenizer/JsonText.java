package io.vquant.tokenizer;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The bytes of a JSON file, in which values are named by the place of their first byte. */
final class JsonText {
  private final Path file;
  private final byte[] bytes;

  JsonText(Path file, byte[] bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  Path file() {
    return file;
  }

  boolean startsWith(String ascii) {
    int byteSize = Math.min(bytes.length, ascii.length());
    return ascii.equals(new String(bytes, 0, byteSize, StandardCharsets.ISO_8859_1));
  }

  byte byteAt(int place) {
    return bytes[place];
  }

  /** A reader at the value that begins at {@code place}, or at white space before it. */
  JsonReader reader(int place) {
    return new JsonReader(new JsonScanner(file, bytes, place));
  }

  /** The string that begins at {@code place}. */
  String string(int place) {
    return new JsonScanner(file, bytes, place).string();
  }

  /** {@link StringBytes#number} of valid JSON. */
  int number(int place) {
    return StringBytes.number(bytes, place);
  }

  /** {@link StringBytes#ascii} of valid JSON. */
  String inAscii() {
    return StringBytes.ascii(bytes);
  }

  /** The whole text. */
  @Override
  public String toString() {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}

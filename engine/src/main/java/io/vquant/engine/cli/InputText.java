package io.vquant.engine.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text from files and pipes: strict UTF-8 of a bounded size. */
final class InputText {
  /** More than fills any context, less than fills memory. */
  static final int MAX_BYTES = 64 << 20;

  private InputText() {}

  /**
   * Reads a whole file; {@code -} is {@code stdin}.
   *
   * @throws CommandFailure if it cannot be read, is too long or is not UTF-8
   */
  static String ofFile(String file, InputStream stdin) {
    if (file.equals("-")) {
      return ofStdin(stdin);
    }
    Path path;
    try {
      path = Path.of(file);
    } catch (java.nio.file.InvalidPathException e) {
      throw CommandFailure.badInput(file + ": not a file name: " + e.getReason(), e);
    }
    if (Files.isDirectory(path)) {
      throw CommandFailure.badInput(file + ": a folder, expected a file of text");
    }
    try (InputStream stream = Files.newInputStream(path)) {
      return decode(readBounded(stream, file), file);
    } catch (java.nio.file.NoSuchFileException e) {
      throw CommandFailure.badInput(file + ": no such file", e);
    } catch (java.nio.file.AccessDeniedException e) {
      throw CommandFailure.badInput(file + ": not readable for this user", e);
    } catch (IOException e) {
      throw CommandFailure.badInput(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * The same for a file that is measured, not typed: what holds NUL is no text, though UTF-8 has
   * it.
   *
   * @throws CommandFailure as {@link #ofFile}, and if it holds NUL
   */
  static String ofDocument(String file, InputStream stdin) {
    String text = ofFile(file, stdin);
    int nul = text.indexOf('\0');
    if (nul >= 0) {
      throw CommandFailure.badInput(
          (file.equals("-") ? "stdin" : file)
              + ": binary: NUL at character "
              + nul
              + ", expected text");
    }
    return text;
  }

  /** Reads all of stdin, under the same rules. */
  static String ofStdin(InputStream stdin) {
    try {
      return decode(readBounded(stdin, "stdin"), "stdin");
    } catch (IOException e) {
      throw CommandFailure.badInput("stdin: cannot be read: " + e.getMessage(), e);
    }
  }

  private static byte[] readBounded(InputStream stream, String name) throws IOException {
    byte[] bytes = stream.readNBytes(MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) {
      throw CommandFailure.badInput(name + ": longer than " + MAX_BYTES + " bytes");
    }
    return bytes;
  }

  static String decode(byte[] bytes, String name) {
    var decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    if (result.isError()) {
      throw CommandFailure.badInput(
          String.format(
              "%s: not UTF-8: byte 0x%02x at offset %d",
              name, bytes[in.position()] & 0xff, in.position()));
    }
    return out.flip().toString();
  }

  /**
   * Checks text that came by another way (JSON may escape half a character).
   *
   * @throws CommandFailure if it has a surrogate without its partner
   */
  static void requireWellFormed(String text, String name) {
    try {
      StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
    } catch (CharacterCodingException e) {
      throw CommandFailure.badInput(
          name + ": half a character (a surrogate without its partner)", e);
    }
  }
}

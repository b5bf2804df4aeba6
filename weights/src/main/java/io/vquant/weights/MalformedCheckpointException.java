package io.vquant.weights;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A model folder or a file in it is not what it has to be: missing, unreadable, damaged, or against
 * the rules of its format. The message is one line and names the file, the tensor where there is
 * one, the place, what was expected and what was found.
 */
public final class MalformedCheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** {@link #byteOffset()} where the fault has no single place in the file. */
  public static final long UNKNOWN_OFFSET = -1;

  private static final int MAX_QUOTED_CHARS = 120;

  private final transient Path file;
  private final @Nullable String tensor;
  private final long byteOffset;
  private final String expected;
  private final String found;

  /**
   * A fault that no other exception revealed.
   *
   * @param file the file (or folder) at fault
   * @param tensor name of the tensor at fault, null where the fault concerns no single one
   * @param byteOffset place of the fault from the start of the file, or {@link #UNKNOWN_OFFSET}
   * @param expected what the format asks for, to be read after "expected"
   * @param found what is there, to be read after "found"
   */
  public MalformedCheckpointException(
      Path file, @Nullable String tensor, long byteOffset, String expected, String found) {
    this(file, tensor, byteOffset, expected, found, null);
  }

  /** As the other constructor, with the exception that revealed the fault. */
  public MalformedCheckpointException(
      Path file,
      @Nullable String tensor,
      long byteOffset,
      String expected,
      String found,
      @Nullable Throwable cause) {
    super(message(file, tensor, byteOffset, expected, found), cause);
    this.file = file;
    this.tensor = tensor;
    this.byteOffset = byteOffset;
    this.expected = expected;
    this.found = found;
  }

  /** The file, or the model folder, at fault. */
  public Path file() {
    return file;
  }

  /** Name of the tensor at fault; null where the fault concerns no single tensor. */
  public @Nullable String tensor() {
    return tensor;
  }

  /** Place of the fault in bytes from the start of the file, or {@link #UNKNOWN_OFFSET}. */
  public long byteOffset() {
    return byteOffset;
  }

  public String expected() {
    return expected;
  }

  public String found() {
    return found;
  }

  /**
   * Text from a file made fit for a message: in double quotes, on one line (control characters
   * escaped), and cut after 120 characters.
   */
  public static String quoted(String text) {
    boolean cut = text.length() > MAX_QUOTED_CHARS;
    String shown = cut ? text.substring(0, MAX_QUOTED_CHARS) : text;
    String ending = cut ? "...\" (" + text.length() + " characters)" : "\"";
    return "\"" + singleLine(shown) + ending;
  }

  private static String message(
      Path file, @Nullable String tensor, long byteOffset, String expected, String found) {
    StringBuilder message = new StringBuilder().append(file);
    if (tensor != null) {
      message.append(": tensor ").append(quoted(tensor));
    }
    if (byteOffset != UNKNOWN_OFFSET) {
      message.append(": at byte ").append(byteOffset);
    }
    message.append(": expected ").append(expected).append(", found ").append(found);
    return singleLine(message.toString());
  }

  private static String singleLine(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean separator = c == '\u2028' || c == '\u2029';
      if (Character.isISOControl(c) || separator || isLoneSurrogate(text, i)) {
        line.append("\\u").append(Character.forDigit(c >> 12, 16));
        line.append(Character.forDigit((c >> 8) & 15, 16));
        line.append(Character.forDigit((c >> 4) & 15, 16)).append(Character.forDigit(c & 15, 16));
      } else {
        line.append(c);
      }
    }
    return line.toString();
  }

  private static boolean isLoneSurrogate(String text, int index) {
    char c = text.charAt(index);
    if (Character.isHighSurrogate(c)) {
      return index + 1 == text.length() || !Character.isLowSurrogate(text.charAt(index + 1));
    }
    return Character.isLowSurrogate(c)
        && (index == 0 || !Character.isHighSurrogate(text.charAt(index - 1)));
  }
}

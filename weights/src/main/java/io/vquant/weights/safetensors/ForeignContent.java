package io.vquant.weights.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/** Recognises what is often found under the name of a weight file instead of weights. */
final class ForeignContent {
  private static final int LOOKED_AT_BYTES = 512;

  private ForeignContent() {}

  /** What the file is, to be read after "found"; empty if it is nothing known. */
  static Optional<String> describe(MemorySegment file) {
    int length = (int) Math.min(file.byteSize(), LOOKED_AT_BYTES);
    byte[] bytes = file.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    String start = new String(bytes, StandardCharsets.ISO_8859_1);
    String text = start.strip().toLowerCase(Locale.ROOT);
    String found = null;
    if (start.startsWith("version https://git-lfs")) {
      found = "a Git LFS pointer, which stands for a file not downloaded yet (run: git lfs pull)";
    } else if (text.startsWith("<!doctype")
        || text.startsWith("<html")
        || text.startsWith("<?xml")) {
      found = "a web page, probably the error page of a failed download";
    } else if (start.startsWith("PK\u0003\u0004")) {
      found = "a ZIP archive, probably a PyTorch checkpoint";
    } else if (start.startsWith("GGUF")) {
      found = "a GGUF file";
    } else if (start.startsWith("\u001f\u008b")) {
      found = "a gzip archive";
    } else if (start.startsWith("\u0080\u0002") || start.startsWith("\u0080\u0004")) {
      found = "a Python pickle, probably a PyTorch checkpoint";
    } else if (text.startsWith("{")) {
      found = "JSON text from the first byte on, without the header length before it";
    } else if (length > 0 && start.chars().allMatch(c -> c == 0)) {
      found = "zero bytes, as an unfinished download leaves them";
    }
    return Optional.ofNullable(found);
  }
}

package io.vquant.engine.hub;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file of a model as the hub lists it.
 *
 * @param name its path in the repository, and below the model's folder
 * @param byteSize -1 when the hub does not say
 * @param sha256 of the content, for files in large-file storage
 * @param gitBlobId SHA-1 that git gives to the content, for the others
 */
record HubFile(String name, long byteSize, @Nullable String sha256, @Nullable String gitBlobId) {
  /** Folders and letters that no file system or shell takes for anything else. */
  private static final Pattern PART = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9 ._+=@,()-]{0,199}");

  private static final int MAX_PARTS = 4;

  /**
   * Whether a name stays in the folder that it is resolved against, whatever the file system makes
   * of it.
   */
  static boolean isHarmless(String name) {
    String[] parts = name.split("/", -1);
    if (parts.length > MAX_PARTS) {
      return false;
    }
    for (String part : parts) {
      if (!PART.matcher(part).matches() || part.contains("..")) {
        return false;
      }
    }
    return true;
  }

  boolean hasSum() {
    return sha256 != null || gitBlobId != null;
  }

  /** A digest that has taken in all that comes before the content. */
  MessageDigest newDigest(long contentByteSize) {
    if (sha256 != null) {
      return digest("SHA-256");
    }
    MessageDigest digest = digest("SHA-1");
    digest.update(("blob " + contentByteSize + "\0").getBytes(StandardCharsets.US_ASCII));
    return digest;
  }

  /** What a digest of the content must come to; says which sum it is. */
  String statedSum() {
    return sha256 != null ? "sha256 " + sha256 : "git blob id " + gitBlobId;
  }

  String sumOf(MessageDigest digest) {
    String hex = HexFormat.of().formatHex(digest.digest());
    return (sha256 != null ? "sha256 " : "git blob id ") + hex;
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has " + algorithm, e);
    }
  }
}

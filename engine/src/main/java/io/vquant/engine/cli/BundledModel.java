package io.vquant.engine.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The model inside the jar, unpacked once to a cache folder. A folder with the model's name holds
 * all of it, always: files are written beside it, checked, and the whole is renamed; processes that
 * start together may both do so and the last one to finish throws its copy away.
 */
final class BundledModel {
  static final String NAME = "vquant-tiny";
  private static final String RESOURCES = "/io/vquant/engine/bundled/";
  private static final String TEMPORARY_PREFIX = ".unpacking-";
  private static final Duration ABANDONED_AFTER = Duration.ofHours(1);

  private final List<Entry> entries;
  private final String version;

  private record Entry(String sha256, long byteSize, String name) {}

  private BundledModel(List<Entry> entries, String version) {
    this.entries = entries;
    this.version = version;
  }

  /** Reads the list of files: {@code sha256 bytes name} a line. */
  static BundledModel open() {
    try (InputStream stream = resource(NAME + ".manifest")) {
      String manifest = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      List<Entry> entries = new ArrayList<>();
      for (String line : manifest.lines().toList()) {
        String[] fields = line.split("  ", 3);
        entries.add(new Entry(fields[0], Long.parseLong(fields[1]), fields[2]));
      }
      return new BundledModel(entries, Long.toHexString(fnv1a(manifest)));
    } catch (IOException e) {
      throw new IllegalStateException(
          "the jar's list of the bundled model's files is unreadable", e);
    }
  }

  /** FNV-1a: tells versions apart; that bytes are right is what the sums in the list are for. */
  private static long fnv1a(String text) {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    return hash;
  }

  /** Where {@link #unpack} puts the model below {@code cache}. */
  Path folder(Path cache) {
    return cache.resolve(NAME + "-" + version);
  }

  /** Whether the model is there with every file of the right size. */
  boolean isUnpacked(Path cache) {
    Path folder = folder(cache);
    for (Entry entry : entries) {
      try {
        if (Files.size(folder.resolve(entry.name)) != entry.byteSize) {
          return false;
        }
      } catch (IOException e) {
        return false;
      }
    }
    return true;
  }

  /** The unpacked files whose bytes are not those of the jar; reads all of them. */
  List<String> damagedFiles(Path cache) throws IOException {
    List<String> damaged = new ArrayList<>();
    for (Entry entry : entries) {
      MessageDigest digest = sha256();
      try (InputStream stream =
          new DigestInputStream(Files.newInputStream(folder(cache).resolve(entry.name)), digest)) {
        stream.transferTo(OutputStream.nullOutputStream());
      }
      if (!HexFormat.of().formatHex(digest.digest()).equals(entry.sha256)) {
        damaged.add(entry.name);
      }
    }
    return damaged;
  }

  /**
   * Unpacks the model below {@code cache} unless it is there.
   *
   * @return its folder
   * @throws CommandFailure if it cannot be written, for want of space for example
   */
  Path unpack(Path cache) {
    if (isUnpacked(cache)) {
      return folder(cache);
    }
    try {
      removeAbandoned(cache);
      Path temporary = Files.createTempDirectory(cache, TEMPORARY_PREFIX);
      try {
        for (Entry entry : entries) {
          write(entry, temporary.resolve(entry.name));
        }
        publish(temporary, cache);
      } finally {
        remove(temporary);
      }
    } catch (IOException e) {
      throw CommandFailure.badInput(
          "the bundled model cannot be unpacked to "
              + cache
              + " ("
              + e
              + "); set VQUANT_CACHE to a"
              + " folder with 14 MB of space",
          e);
    }
    return folder(cache);
  }

  private static void write(Entry entry, Path target) throws IOException {
    MessageDigest digest = sha256();
    try (InputStream stream = new DigestInputStream(resource(NAME + "/" + entry.name), digest)) {
      Files.copy(stream, target);
    }
    if (!HexFormat.of().formatHex(digest.digest()).equals(entry.sha256)) {
      throw new IllegalStateException(
          "the jar is damaged: its " + entry.name + " has another sha256");
    }
  }

  /** Renames {@code temporary} to the model's folder, unless another process was first. */
  private void publish(Path temporary, Path cache) throws IOException {
    Path folder = folder(cache);
    for (int attempt = 0; attempt < 3 && !isUnpacked(cache); attempt++) {
      if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
        Path aside = Files.createTempDirectory(cache, TEMPORARY_PREFIX);
        try {
          Files.move(folder, aside.resolve("damaged"), StandardCopyOption.ATOMIC_MOVE);
        } finally {
          remove(aside);
        }
      }
      try {
        Files.move(temporary, folder, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
          throw e;
        }
      }
    }
    if (!isUnpacked(cache)) {
      throw new IOException(folder + " keeps changing");
    }
  }

  private static void removeAbandoned(Path cache) throws IOException {
    Instant limit = Instant.now().minus(ABANDONED_AFTER);
    try (DirectoryStream<Path> tries = Files.newDirectoryStream(cache, TEMPORARY_PREFIX + "*")) {
      for (Path entry : tries) {
        if (Files.getLastModifiedTime(entry).toInstant().isBefore(limit)) {
          remove(entry);
        }
      }
    }
  }

  private static void remove(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> children = Files.newDirectoryStream(path)) {
        for (Path child : children) {
          remove(child);
        }
      }
    }
    Files.deleteIfExists(path);
  }

  private static InputStream resource(String name) {
    InputStream stream = BundledModel.class.getResourceAsStream(RESOURCES + name);
    if (stream == null) {
      throw new IllegalStateException("the jar is damaged: it holds no " + RESOURCES + name);
    }
    return stream;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}

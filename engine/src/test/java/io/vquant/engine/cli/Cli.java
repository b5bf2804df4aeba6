package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs the jar as a user does: one process a call, real streams, real exit code. */
final class Cli {
  private static final long TIMEOUT_SECONDS = 120;

  /** Cheap processes: these end before well compiled code would pay. */
  private static final List<String> BRIEF = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  private final Path java;
  private final List<String> jvmOptions;
  private final Map<String, String> environment = new TreeMap<>();

  private Cli(Path java, List<String> jvmOptions) {
    this.java = java;
    this.jvmOptions = jvmOptions;
  }

  /** On the Java of this build, for commands that compute little. */
  static Cli onThisJava() {
    return new Cli(javaOfThisBuild(), BRIEF);
  }

  /** On the Java of this build, for commands that run a model for more than a few tokens. */
  static Cli computing() {
    return new Cli(javaOfThisBuild(), List.of());
  }

  private static Path javaOfThisBuild() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /** Where the tests unpack the bundled model: beside the jar, not in the user's folder. */
  static String cacheFolder() {
    return Path.of(System.getProperty("vquant.test.jar")).resolveSibling("test-cache").toString();
  }

  Cli withOptions(String... options) {
    List<String> all = new ArrayList<>(jvmOptions);
    all.addAll(List.of(options));
    Cli cli = new Cli(java, all);
    cli.environment.putAll(environment);
    return cli;
  }

  Cli withEnvironment(String name, String value) {
    Cli cli = new Cli(java, jvmOptions);
    cli.environment.putAll(environment);
    cli.environment.put(name, value);
    return cli;
  }

  /** Starts a command whose streams the caller reads. */
  Process start(String... args) {
    List<String> command = new ArrayList<>();
    command.add(java.toString());
    command.addAll(jvmOptions);
    command.add("-jar");
    command.add(System.getProperty("vquant.test.jar"));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    for (String name : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
      builder.environment().remove(name); // Java prints a line about each
    }
    builder.environment().put("VQUANT_CACHE", cacheFolder());
    builder.environment().putAll(environment);
    try {
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a command with nothing on stdin. */
  Outcome run(String... args) {
    return runWithInput(new byte[0], args);
  }

  Outcome runWithInput(byte[] stdin, String... args) {
    Process process = start(args);
    CompletableFuture<byte[]> out = readAll(process.getInputStream());
    CompletableFuture<byte[]> err = readAll(process.getErrorStream());
    try (OutputStream in = process.getOutputStream()) {
      in.write(stdin);
    } catch (IOException e) {
      // a command that refuses its input need not read it
    }
    return await(process, out, err, List.of(args));
  }

  static Outcome await(
      Process process,
      CompletableFuture<byte[]> out,
      CompletableFuture<byte[]> err,
      List<String> args) {
    try {
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(args + " still ran after " + TIMEOUT_SECONDS + " s");
      }
      return new Outcome(
          args,
          process.exitValue(),
          new String(out.get(), StandardCharsets.UTF_8),
          new String(err.get(), StandardCharsets.UTF_8));
    } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
      throw new AssertionError(e);
    }
  }

  static CompletableFuture<byte[]> readAll(InputStream stream) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return stream.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        task -> Thread.ofVirtual().start(task));
  }

  /** How a command ended. */
  record Outcome(List<String> args, int exitCode, String out, String err) {

    /** Asserts a failure of a class: its exit code, one line that has the words, no output. */
    Outcome failsWith(int expectedExitCode, String... words) {
      assertThat(exitCode).as("exit code of %s; stderr: %s", args, err).isEqualTo(expectedExitCode);
      assertThat(err).as("stderr of %s", args).startsWith("vquant: ").endsWith("\n");
      assertThat(err.lines()).as("stderr of %s", args).hasSize(1);
      assertThat(err).as("stderr of %s", args).contains(words).doesNotContain("a bug in");
      assertThat(out).as("stdout of %s", args).isEmpty();
      return this;
    }

    Outcome succeeds() {
      assertThat(exitCode).as("exit code of %s; stderr: %s", args, err).isZero();
      return this;
    }
  }
}

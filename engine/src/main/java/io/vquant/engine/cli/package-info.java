/**
 * The command line. The only package that prints, ends the process, or reads system properties, the
 * environment and {@code /proc}; it reaches models through {@link io.vquant.engine.Engine}.
 *
 * <p>{@link io.vquant.engine.cli.Main} builds a {@link io.vquant.engine.cli.CommandContext} and
 * runs one command. Invariants: what was asked for goes to stdout in UTF-8 and all else to stderr,
 * whatever the locale; a failure is exactly one line on stderr and an exit code of its class
 * ({@link io.vquant.engine.cli.ExitCode}); an option that a command cannot honour is refused.
 * Choices where conventions differ: a reader that closes stdout early ({@code | head}) ends the
 * command quietly with 0, as it got all it wanted; SIGINT, SIGTERM and SIGHUP all end it with 130.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine.cli;

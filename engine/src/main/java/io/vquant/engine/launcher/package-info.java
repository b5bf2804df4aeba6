/**
 * What runs before the engine can: {@link io.vquant.engine.launcher.Launcher}, the jar's main
 * class, finds a Java that can run the engine, opens the Vector API in it and hands over to the
 * command line. Nothing else uses this package, and it uses nothing else: its classes are compiled
 * for Java 11, because a machine's default java may be older than the engine needs.
 *
 * <p>In the first process everything counts twice: no archive of classes makes it quick. So there
 * are no lambdas, streams or formatted texts here, and strings are joined without bootstrap methods
 * (a compiler option in the pom).
 *
 * <p>Invariant: it prints nothing unless it gives up, and then exactly one line.
 */
package io.vquant.engine.launcher;

/**
 * Pictures for reports: a raster with lines, boxes and small letters, written as PNG. Our own,
 * since AWT would need fonts of the machine, and some 60 ms and 20 MB of a process that draws
 * nothing else. Used by the commands that offer a picture; nothing here reads or writes files.
 *
 * <p>The same figures give the same bytes on every machine.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.eval.plots;

/**
 * Reads {@code config.json} strictly: bounded JSON, typed fields, and a verdict on every field that
 * is there, understood or not.
 *
 * <p>For {@code architectures}, which say what a family's fields mean. The invariant: nothing is
 * allocated from a size that the file claims, and only {@link
 * io.vquant.model.MalformedConfigException} comes out of a bad file.
 */
@NullMarked
package io.vquant.model.config;

import org.jspecify.annotations.NullMarked;

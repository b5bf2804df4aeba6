/**
 * An interpreter for the Jinja subset of chat templates, with the semantics of Python's Jinja2 as
 * the transformers library configures it: an immutable sandbox, {@code trim_blocks}, {@code
 * lstrip_blocks}, loop controls, {@code tojson} without HTML escapes.
 *
 * <p>For {@code io.vquant.tokenizer.chat}; {@link io.vquant.tokenizer.chat.jinja.JinjaTemplate} is
 * the way in. It depends on nothing but the JDK.
 *
 * <p>Invariants: no template reaches a Java object by reflection; every loop and every allocation
 * is charged to an {@code Execution}, so that any template ends within its {@link
 * io.vquant.tokenizer.chat.jinja.JinjaLimits} or with a {@link
 * io.vquant.tokenizer.chat.jinja.TemplateException}; a character counts as written by the template
 * only if it was followed all the way from template text or from a trusted value.
 *
 * <p>Values inside: {@code null} (None), Boolean, Long or BigInteger (one number, Long where it
 * fits), Double, {@link io.vquant.tokenizer.chat.jinja.TrackedText}, List ({@code Tuple} and {@code
 * Range} are lists of their own kind), Map in insertion order, and the types of this package:
 * {@code Undefined}, {@code Namespace}, {@code Generator}, {@code Loop}, {@code Callable}. Lists
 * and maps are never changed once made.
 */
package io.vquant.tokenizer.chat.jinja;

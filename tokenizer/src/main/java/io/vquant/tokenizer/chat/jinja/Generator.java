package io.vquant.tokenizer.chat.jinja;

import java.util.Iterator;

/**
 * What {@code map}, {@code select} and their like give: elements that can be walked once, always
 * true, without a length, as Python's generators are.
 *
 * @param elements those not yet taken
 */
record Generator(Iterator<Object> elements) {}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

struct text_out {
	char *buf;
	size_t size;
	size_t len;
};

struct text_spec {
	bool left, zero;
	int width, precision;
	int length; /* 0 int, 1 long, 2 long long, 3 size_t, -1 short, -2 char */
};

static void text_put(struct text_out *out, char c)
{
	if (out->len + 1 < out->size)
		out->buf[out->len++] = c;
}

static void text_pad(struct text_out *out, char c, int n)
{
	while (n-- > 0)
		text_put(out, c);
}

static void text_put_string(struct text_out *out, const struct text_spec *spec, const char *s)
{
	int len = 0;

	if (!s)
		s = "(null)";
	while ((spec->precision < 0 || len < spec->precision) && s[len])
		len++;
	if (!spec->left)
		text_pad(out, ' ', spec->width - len);
	for (int i = 0; i < len; i++)
		text_put(out, s[i]);
	if (spec->left)
		text_pad(out, ' ', spec->width - len);
}

static void text_put_number(struct text_out *out, const struct text_spec *spec, uint64_t v,
			    bool negative, unsigned int base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24];
	int n = 0, len;

	do
		tmp[n++] = digits[v % base];
	while (v /= base);
	len = n + negative;
	if (!spec->left && !spec->zero)
		text_pad(out, ' ', spec->width - len);
	if (negative)
		text_put(out, '-');
	if (!spec->left && spec->zero)
		text_pad(out, '0', spec->width - len);
	while (n)
		text_put(out, tmp[--n]);
	if (spec->left)
		text_pad(out, ' ', spec->width - len);
}

static const char *text_parse_spec(struct text_spec *spec, const char *f, va_list *ap)
{
	*spec = (struct text_spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			spec->left = true;
		else if (*f == '0')
			spec->zero = true;
		else
			break;
	}
	if (*f == '*') {
		spec->width = va_arg(*ap, int);
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		spec->width = spec->width * 10 + (*f - '0');
	if (*f == '.') {
		spec->precision = 0;
		if (*++f == '*') {
			spec->precision = va_arg(*ap, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			spec->precision = spec->precision * 10 + (*f - '0');
	}
	for (; *f == 'l' || *f == 'h'; f++)
		spec->length += *f == 'l' ? 1 : -1;
	if (*f == 'z') {
		spec->length = 3;
		f++;
	}
	return f;
}

static uint64_t text_unsigned_arg(const struct text_spec *spec, va_list *ap)
{
	if (spec->length >= 2)
		return va_arg(*ap, unsigned long long);
	if (spec->length == 1)
		return va_arg(*ap, unsigned long);
	return va_arg(*ap, unsigned int);
}

static int64_t text_signed_arg(const struct text_spec *spec, va_list *ap)
{
	if (spec->length >= 2)
		return va_arg(*ap, long long);
	if (spec->length == 1)
		return va_arg(*ap, long);
	return va_arg(*ap, int);
}

static void text_conversion(struct text_out *out, const struct text_spec *spec, char c, va_list *ap)
{
	int64_t d;

	switch (c) {
	case 's':
		text_put_string(out, spec, va_arg(*ap, const char *));
		break;
	case 'c':
		text_put(out, (char)va_arg(*ap, int));
		break;
	case 'd':
	case 'i':
		d = text_signed_arg(spec, ap);
		text_put_number(out, spec, d < 0 ? -(uint64_t)d : (uint64_t)d, d < 0, 10, false);
		break;
	case 'u':
		text_put_number(out, spec, text_unsigned_arg(spec, ap), false, 10, false);
		break;
	case 'o':
		text_put_number(out, spec, text_unsigned_arg(spec, ap), false, 8, false);
		break;
	case 'x':
	case 'X':
		text_put_number(out, spec, text_unsigned_arg(spec, ap), false, 16, c == 'X');
		break;
	case 'p':
		text_put(out, '0');
		text_put(out, 'x');
		text_put_number(out, spec, (uintptr_t)va_arg(*ap, void *), false, 16, false);
		break;
	default:
		text_put(out, c);
	}
}

size_t text_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct text_out out = { .buf = buf, .size = size };
	struct text_spec spec;
	va_list args;

	if (!size)
		return 0;
	va_copy(args, ap);
	for (const char *f = fmt; *f; f++) {
		if (*f != '%') {
			text_put(&out, *f);
			continue;
		}
		f = text_parse_spec(&spec, f + 1, &args);
		if (!*f)
			break;
		text_conversion(&out, &spec, *f, &args);
	}
	va_end(args);
	buf[out.len] = '\0';
	return out.len;
}

size_t text_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = text_vformat(buf, size, fmt, ap);
	va_end(ap);
	return len;
}

size_t text_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool text_equal(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b;
}

bool text_starts(const char *s, const char *prefix)
{
	for (; *prefix; s++, prefix++)
		if (*s != *prefix)
			return false;
	return true;
}

bool text_ends(const char *s, const char *suffix)
{
	size_t n = text_length(s), m = text_length(suffix);

	return n >= m && text_equal(s + n - m, suffix);
}

bool text_drop_end(char *s, const char *suffix)
{
	if (!text_ends(s, suffix))
		return false;
	s[text_length(s) - text_length(suffix)] = '\0';
	return true;
}

bool text_copy(char *dst, size_t size, const char *src)
{
	size_t n = 0;

	if (!size)
		return false;
	for (; src[n] && n + 1 < size; n++)
		dst[n] = src[n];
	dst[n] = '\0';
	return !src[n];
}

static int text_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

bool text_scan(const char **s, const char *end, unsigned int base, uint64_t *value)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; p < end && text_digit(*p) < (int)base; p++) {
		uint64_t d = (uint64_t)text_digit(*p);

		if (v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	if (p == *s)
		return false;
	*s = p;
	*value = v;
	return true;
}

bool text_number(const char *s, uint64_t *value)
{
	const char *end = s + text_length(s);

	return text_scan(&s, end, 10, value) && s == end;
}

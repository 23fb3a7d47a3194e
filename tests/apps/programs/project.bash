# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# project.bash DIR: a small C project of 20 files; its program prints what they add up to.
set -eu
mkdir "$1"
cd "$1"
objects=
for ((i = 1; i <= 20; i++)); do
	objects+=" part$i.o"
	{
		echo '#include <stdio.h>'
		echo '#include <stdlib.h>'
		echo '#include <string.h>'
		for ((k = 0; k < 20; k++)); do
			echo "static long f$k(long x) { char b[64]; snprintf(b, 64, \"%ld\", x + $k);"
			echo "	for (size_t i = 0; i < strlen(b); i++) x = x * 31 + b[i]; return x % 65521; }"
		done
		echo "long part$i(long x); long part$i(long x) { return 0"
		for ((k = 0; k < 20; k++)); do echo "	+ f$k(x)"; done
		echo '; }'
	} >"part$i.c"
done
{
	echo '#include <stdio.h>'
	for ((i = 1; i <= 20; i++)); do echo "long part$i(long x);"; done
	echo 'int main(void) { long s = 0;'
	for ((i = 1; i <= 20; i++)); do echo "	s += part$i(s);"; done
	echo '	printf("%ld\n", s); return 0; }'
} >main.c
printf '%s\n' "sums: main.o$objects" '	gcc -o $@ $^' \
	'%.o: %.c' '	@gcc -O2 -c -o $@ $< && echo made $@, step $$(ls *.o | wc -l)' >Makefile

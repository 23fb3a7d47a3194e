# SPDX-License-Identifier: Apache-2.0
# Words made up, counted, kept in a file, read back; each run is equal.
use strict;
use warnings;

$| = 1;
my ($seed, $sum, %count) = (42, 0);
open my $file, '+>', 'words.txt' or die "words.txt: $!";
for my $step (1 .. 20) {
	my $text = '';
	for (1 .. 170000) {
		$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
		$text .= join('', map { chr(97 + ($seed >> $_) % 26) } 3, 7, 11) . ' ';
	}
	$count{$1}++ while $text =~ /\b([a-m]\w+)\b/g;
	print $file substr($text, 0, 4000), "\n";
	my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
	$sum = ($sum * 31 + $count{$top[$_]} * ($_ + 1)) % 1000000007 for 0 .. 99;
	print "step $step\n";
}
seek $file, 0, 0;
my $length = 0;
while (my $line = <$file>) {
	$length += length $line;
	$sum = ($sum * 31 + ord $line) % 1000000007;
}
print "sum $sum length $length words ", scalar(keys %count), "\n";

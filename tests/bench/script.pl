# What Perl programs spend their time on: lines, regular expressions, hashes, sorting and building strings.
open my $in, '<:raw', $ARGV[0] or die "$ARGV[0]: $!";
my (%count, %after, $last, $numbers);
while ($. < 2000 and my $line = <$in>) {
    next if $line =~ /[^\x20-\x7e\n]/; # the binary parts
    $numbers += $1 while $line =~ /\b(\d+)\b/g;
    $line =~ s/([a-z]+)ing\b/\U$1/g;
    for my $word (split /\W+/, $line) {
        $count{lc $word}++;
        $after{$last}{$word}++ if defined $last;
        $last = $word;
    }
}
my @words = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
my $text = '';
for my $word (@words) {
    $text .= sprintf "%-12s %6d %s\n", $word, $count{$word}, scalar reverse $word;
    $text .= join(',', map { "$_:$after{$word}{$_}" } sort keys %{$after{$word}}) . "\n" if $after{$word};
}
(my $short = $text) =~ tr/aeiou//d;
print $text, length $short, ' ', $numbers // 0, ' ', unpack('%32C*', $text), "\n";

# The report in a browser, as wide as a phone and as a desk: nothing is refused or
# logged, nothing sticks out, no label covers another, and it is not blank.
use strict;
use warnings;
use lib 'test/t/lib';
use Compress::Zlib ();
use File::Temp ();
use Test::More;
use Cluster;
use Leads;

my ($chromium) = grep { -x } map { my $name = $_; map { "$_/$name" } split /:/, $ENV{PATH} } qw(chromium chromium-browser google-chrome);
plan skip_all => 'no chromium here' if !$chromium;

my $node = Cluster->new('report');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
$node->query(q{ALTER TABLE leads ADD COLUMN at timestamptz; UPDATE leads SET at = timestamptz '2025-01-01' + id * interval '1 hour';
	ALTER TABLE leads ADD COLUMN "a column of a very long name that says what it is about" text;
	UPDATE leads SET "a column of a very long name that says what it is about" = 'level ' || id % 40 || ' <b>of many & all of them long</b>'});
$node->query(q{SELECT lead_train_model('sales <i>2026</i>', 'leads', 'won', key => 'id', time_column => 'at', description => 'who <script>calls</script>')});
$node->query(q{SELECT lead_watch('sales <i>2026</i>',
	$$SELECT id, at, won, CASE WHEN id % 3 > 0 THEN city END AS city, clicks + 1 AS clicks, visits * 2 AS visits,
		"a column of a very long name that says what it is about" FROM leads$$, period => '14 days');
	SELECT lead_monitor('sales <i>2026</i>', until => d) FROM generate_series(timestamptz '2025-02-20', '2025-03-25', '5 days') AS d});
my $report = $node->query(q{SELECT lead_report('sales <i>2026</i>')});
$node->query(q{SELECT lead_train_model('small', 'leads', 'won', key => 'id', features => '{clicks}', holdout => '{"by": "none"}')});
my $small = $node->query(q{SELECT lead_report('small')});
my $dir = File::Temp->newdir('browser_XXXX', TMPDIR => 1);

# What a page of our own finds in the report that it shows in a frame: the report
# itself may run no script.
my $probe = <<'JS';
addEventListener('load', () => {
	const doc = document.querySelector('iframe').contentDocument, found = [], say = (what, value) => found.push(what + '=' + value);
	const page = doc.documentElement;
	say('overflow', page.scrollWidth - page.clientWidth);
	say('height', page.scrollHeight > 1000);
	say('sections', [...doc.querySelectorAll('section[id] > h2')].filter(h => h.offsetHeight > 0).length);
	say('scripts', doc.scripts.length);
	say('title', doc.title);
	let pictures = 0, outside = [], covered = [], small = 0;
	for (const svg of doc.querySelectorAll('svg')) {
		const box = svg.viewBox.baseVal, texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()]).filter(t => t[0] != '');
		const name = svg.querySelector('title').textContent, scale = svg.getBoundingClientRect().width / box.width;
		pictures += svg.getBoundingClientRect().height > 30;
		for (const t of svg.querySelectorAll('text'))
			small += parseFloat(getComputedStyle(t).fontSize) * scale < 9;
		texts.forEach(([text, b], i) => {
			if (b.x < 0 || b.y < 0 || b.x + b.width > box.width || b.y + b.height > box.height)
				outside.push(name + ': ' + text);
			texts.slice(i + 1).forEach(([other, c]) => {
				if (b.x < c.x + c.width && c.x < b.x + b.width && b.y + 2 < c.y + c.height && c.y + 2 < b.y + b.height)
					covered.push(name + ': ' + text + ' and ' + other);
			});
		});
	}
	say('pictures', pictures);
	say('small', small);
	say('outside', outside.join('; '));
	say('covered', covered.join('; '));
	document.querySelector('pre').textContent = 'FOUND\n' + found.join('\n') + '\nEND';
});
JS

sub escape
{
	my ($text) = @_;
	my %entity = ('&' => '&amp;', '"' => '&quot;', '<' => '&lt;', '>' => '&gt;');
	$text =~ s/([&"<>])/$entity{$1}/g;
	return $text;
}

# Runs the browser on the report in a frame of such a width; (what it printed, what it logged).
sub browse
{
	my ($html, $width, @flags) = @_;
	my $file = "$dir/page.html";
	open my $out, '>', $file or die $!;
	print $out '<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe style="border:0;width:', $width, 'px;height:3000px" srcdoc="',
		escape($html), '"></iframe><pre></pre><script>', $probe, '</script>';
	close $out or die $!;
	my $printed = `'$chromium' --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir='$dir/profile' \\
		--enable-logging=stderr --virtual-time-budget=5000 --window-size=1300,3000 @flags 'file://$file' 2>'$dir/log'`;
	return ($printed, Cluster::slurp("$dir/log"));
}

# The bytes of a PNG's pixels that are not zero once it is unpacked: a blank one
# has hardly any.
sub ink
{
	my ($file) = @_;
	my $png = Cluster::slurp($file);
	my ($at, $packed) = (8, '');
	while ($at < length $png)
	{
		my ($length, $kind) = unpack 'N a4', substr $png, $at, 8;
		$packed .= substr $png, $at + 8, $length if $kind eq 'IDAT';
		$at += $length + 12;
	}
	my $pixels = Compress::Zlib::uncompress($packed) // '';
	return ($pixels =~ tr/\0//c);
}

foreach my $case (['on a phone', 390, $report, 15], ['on a desk', 1280, $report, 15], ['a bare one on a phone', 390, $small, 1])
{
	my ($name, $width, $html, $pictures) = @$case;
	my ($printed, $log) = browse($html, $width, '--dump-dom');
	my %found = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $printed =~ /FOUND\n(.*?)\nEND/s ? $1 : '';
	is($found{overflow}, 0, "$name: nothing sticks out") or diag($printed ? substr $printed, -2000 : $log);
	is($found{height}, 'true', "$name: there is something to scroll");
	is($found{sections}, 10, "$name: all sections");
	is($found{scripts}, 0, "$name: no script");
	cmp_ok($found{pictures} // 0, '>=', $pictures, "$name: pictures");
	is($found{small}, 0, "$name: no text is too small to read");
	is($found{outside}, '', "$name: no text leaves its picture");
	is($found{covered}, '', "$name: no text covers another");
	is(join('', $log =~ /^.*CONSOLE.*$/mg), '', "$name: nothing was refused or logged");
}
my ($printed, $log) = browse($report, 390, "--screenshot='$dir/shot.png'");
cmp_ok(ink("$dir/shot.png"), '>', 50_000, 'it is not blank');

done_testing();

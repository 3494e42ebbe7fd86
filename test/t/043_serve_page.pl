# The page of leadscore serve, in a browser: a lead is typed, its score moves.
use strict;
use warnings;
use lib 'test/t/lib';
use JSON::PP ();
use Test::More;
use Browser;
use Cluster;
use Leads;
use Service;

plan skip_all => 'the program was built without serve' if !Service->available;
plan skip_all => 'no chromium here' if !Browser->program;

my $node = Cluster->new('page');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
$node->query(q{ALTER TABLE leads ADD COLUMN "who <b>says</b> what & ""why""" text, ADD COLUMN caller boolean, ADD COLUMN since date;
	UPDATE leads SET "who <b>says</b> what & ""why""" = '<img src=x onerror=alert(1)> ' || id % 3, caller = id % 2 = 0, since = date '2024-01-01' + id % 300});
$node->query(q{SELECT lead_train_model('a <i>model</i>', 'leads', 'won', key => 'id',
		options => '{"columns": {"city": {"unseen": "error"}, "since": {"parts": ["dow"]}}}')});
Leads::train($node);
my $tokens = $node->dir . '/tokens';
open my $file, '>', $tokens or die;
print $file "a-token-of-the-page\n";
close $file;
chmod 0600, $tokens;
my $shots = $ENV{SHOTS} || $node->dir;

my $percent = q{document.getElementById('percent').textContent};
sub score_of { my ($lead) = @_; return $node->query(qq{SELECT round((100 * lead_score('a <i>model</i>', '$lead'::jsonb))::numeric, 1) || ' %'}); }
sub field { my ($i) = @_; return "document.getElementById('field-$i')"; }

foreach my $case ([ 'on a phone', 390, 844 ], [ 'on a desk', 1280, 900 ])
{
	my ($name, $width, $height) = @$case;
	my $service = Service->new($node, options => [ '--token-file', $tokens ]);
	my $b = Browser->new($width, $height);
	$b->open($service->url('/'));
	ok($b->wait_for(q{!document.getElementById('login').hidden}), "$name: it asks for a token");
	is($b->js('document.activeElement.id'), 'token', "$name: and waits there");
	$b->type('a-token-of-the-page');
	$b->key('Enter');
	ok($b->wait_for("$percent !== ''"), "$name: a score appears") or diag($b->logged);
	is($b->js(q{document.getElementById('model').value}), 'a <i>model</i>', "$name: of the first model");
	my %columns = map { $_ => 1 } @{ $b->js('columns.map(c => c.column)') };
	my @order = @{ $b->js('columns.map(c => c.column)') };
	my %field = map { $order[$_] => $_ } 0 .. $#order;
	is(join(',', sort @order), join(',', sort qw(city clicks visits caller since), 'who <b>says</b> what & "why"'), "$name: a field for each column");

	# typed on the keyboard alone
	$b->js(q{document.getElementById('model').focus()});
	$b->key('Tab');
	is($b->js('document.activeElement.id'), 'field-0', "$name: the keyboard gets there");
	foreach my $case ([ city => 'Pune' ], [ clicks => '9' ], [ visits => '2.5' ], [ since => '2024-05-31' ], [ 'who <b>says</b> what & "why"' => '<img src=x onerror=alert(1)> 1' ])
	{
		$b->js(field($field{ $case->[0] }) . '.focus()');
		$b->js(field($field{ $case->[0] }) . '.select()');
		$b->type($case->[1]);
	}
	$b->js(field($field{caller}) . '.focus()');
	$b->key('ArrowDown');
	my $want = score_of('{"city": "Pune", "clicks": 9, "visits": 2.5, "since": "2024-05-31", "caller": true, "who <b>says</b> what & \"why\"": "<img src=x onerror=alert(1)> 1"}');
	ok($b->wait_for("$percent === '$want'"), "$name: the score moved to $want") or diag($b->js($percent) . $b->js(q{JSON.stringify(lead())}));
	$b->js(field($field{clicks}) . ".value = ''; " . field($field{clicks}) . q{.dispatchEvent(new Event('input', {bubbles: true}))});
	$want = score_of('{"city": "Pune", "clicks": null, "visits": 2.5, "since": "2024-05-31", "caller": true, "who <b>says</b> what & \"why\"": "<img src=x onerror=alert(1)> 1"}');
	ok($b->wait_for("$percent === '$want'"), "$name: an empty field is a NULL");

	cmp_ok($b->js(q{document.querySelectorAll('#reasons li').length}), '>=', 3, "$name: reasons");
	cmp_ok($b->js(q{Math.max(...[...document.querySelectorAll('.bar span:first-child')].map(e => e.offsetWidth))}), '>', 20, "$name: as bars");
	is($b->js(q{document.querySelectorAll('main b, main i, main img').length}), 0, "$name: text of the leads is no markup");
	is($b->js(q{document.documentElement.scrollWidth - document.documentElement.clientWidth}), 0, "$name: nothing sticks out");
	is($b->js(q{[...document.querySelectorAll('input, select')].filter(e => e.labels.length === 0).length}), 0, "$name: every field has a label");
	is($b->js(q{scrollTo(0, 1e6), new Promise(done => setTimeout(() => done(document.getElementById('percent').getBoundingClientRect().top >= 0), 200))}), JSON::PP::true, "$name: the score stays in sight")
		if $width < 600;
	$b->screenshot("$shots/page$width.png");

	# what is wrong is said at its field
	$b->js(field($field{city}) . '.focus(), ' . field($field{city}) . '.select()');
	$b->type('Atlantis');
	ok($b->wait_for(q{document.getElementById('problem').textContent.includes('"city" has a value that the model was not trained on')}), "$name: what is wrong is said");
	is($b->js(field($field{city}) . q{.getAttribute('aria-invalid')}), 'true', "$name: at its field");
	$b->screenshot("$shots/wrong$width.png");

	# another model; the service gone
	$b->js(q{document.getElementById('model').focus()});
	$b->key('ArrowDown');
	ok($b->wait_for(q{document.getElementById('about').textContent.includes('sales')}), "$name: another model");
	is($b->js(q{document.getElementById('problem').textContent}), '', "$name: nothing is wrong there");
	# a 401 and a 400 are answers that the console mentions
	is(join("\n", grep { !/status of 40[01]/ } split /\n/, $b->logged), '', "$name: nothing else was logged, or refused by the policy");
	$service->stop;
	$b->js(field(0) . q{.dispatchEvent(new Event('input', {bubbles: true}))});
	ok($b->wait_for(q{document.getElementById('problem').textContent !== ''}), "$name: that the service is gone is said");
}

done_testing();

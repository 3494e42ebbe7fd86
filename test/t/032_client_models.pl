# The life of a model from the command line: train, watch, draw; tables, JSON, exit codes.
use strict;
use warnings;
no warnings 'qw';
use lib 'test/t/lib';
use File::Temp ();
use JSON::PP ();
use Test::More;
use Client;
Client->skip_unless_built;
use Cluster;
use Leads;

my $node = Cluster->new('models');
my $dir = File::Temp->newdir('models_XXXX', TMPDIR => 1);
$node->query('CREATE EXTENSION leadscore');
Leads::create($node, rows => 4000);
$node->query(q{ALTER TABLE leads ADD PRIMARY KEY (id); ALTER TABLE leads ADD at timestamptz;
	UPDATE leads SET at = timestamptz '2026-01-01' + id * interval '1 hour'});

sub command { return Client::run($node, @_); }
sub document { return JSON::PP->new->allow_nonref->decode($_[0]{out}); }
sub fields { my ($run) = @_; return { map { /^(\S+) +(.*)$/ ? ($1 => $2) : () } split /\n/, $run->{out} }; }

# ---- train, versions, promote, rollback ----
my $run = command(qw(train sales --source leads --label won --exclude id,at));
is($run->{code}, 0, 'train') or diag $run->{err};
my $fields = fields($run);
is("@$fields{qw(model version status live verdict)}", 'sales 1 finished yes first', 'a line per field');
is($fields->{auc}, sprintf('%.4g', $node->query(q{SELECT auc FROM lead_versions('sales')})), 'with the AUC of the registry');
$run = command(qw(train sales -s leads -l), 'won', '-x', '["at", "id"]', '--options', '{"lambda": 5}', '--gate', '{"promote": "never"}',
	'--description', q{it's "the" second}, '--tags', '{"who": "me"}', '--holdout', '{"share": 0.3}', qw(--json));
is($run->{code}, 0, 'train --json') or diag $run->{err};
my $document = document($run);
is("$document->{version} " . ($document->{live} ? 'live' : 'not live'), '2 not live', 'one document');
is($node->query(q{SELECT r.spec->'options'->>'lambda', r.spec #>> '{holdout,share}', r.description, t.value
	FROM leadscore.versions v JOIN leadscore.runs r USING (run_id) JOIN leadscore.tags t USING (run_id) WHERE v.version = 2 AND t.key = 'who'}),
	q{5|0.3|it's "the" second|me}, 'everything arrives');
is(command(qw(train sales -s leads -l won -x id,at --require-live --gate), '{"promote": "never"}')->{code}, 1, '--require-live');
$run = command('train', 'timed', '-s', 'SELECT *, clicks + 1 AS more FROM leads', '-l', q{clicks > 3 AND city = 'Pune'}, '-t', 'at', '-k', 'id', '--features', 'visits,more', '--refit');
is($run->{code}, 0, 'a query and a condition') or diag $run->{err};
file_json('{"lambda": 1}');
is(command(qw(retrain sales --options), "\@$dir/options.json", '--description', 'again')->{code}, 0, 'retrain, options from a file');
is($node->query(q{SELECT r.spec->'options'->>'lambda' FROM leadscore.versions v JOIN leadscore.runs r USING (run_id) WHERE name = 'sales' AND version = 4}), 1, 'they count');
$run = command(qw(versions sales));
like($run->{out}, qr/^version  live  aliases .*\n +4 .*again\n(?: +\d+ .*\n){3}\z/, 'versions, newest first');
is_deeply([ map { $_->{version} } @{ document(command(qw(versions sales --json))) } ], [ 4, 3, 2, 1 ], 'versions --json');
like(command('versions')->{out}, qr/^name +live +versions.*\nsales +\d +4 .*\ntimed +1 +1 /, 'all models');
$run = command(qw(promote sales 1 --reason), 'a reason');
is("$run->{code} @{ fields($run) }{qw(version reason)}", '0 1 a reason', 'promote');
is(fields(command(qw(promote sales 2 --alias challenger)))->{alias}, 'challenger', 'promote --alias');
is(document(command(qw(rollback sales --json)))->{replaced}, 1, 'rollback');
like(command(qw(versions sales --history))->{out}, qr/^alias .*\nchampion .* rollback /, 'the history');
is(command('promote', 'sales', $_)->{code}, 2, "not a version: $_") for '', 'x', '-1', '1; DROP TABLE leads';
is(command(qw(promote sales 99))->{code}, 1, 'a version that is not there');

sub file_json
{
	open my $out, '>', "$dir/options.json" or die $!;
	print $out $_[0];
	close $out or die $!;
	return;
}

# ---- what is refused ----
foreach my $refused (
	[ 2, qr/needs --source and --label/, qw(train x) ],
	[ 2, qr/--options is no JSON.*line 1/, qw(train x -s leads -l won --options {a}) ],
	[ 4, qr/cannot read \/nowhere/, qw(retrain sales --gate @/nowhere/x.json) ],
	[ 2, qr/takes no other option/, qw(retrain sales --if-needed --adopt) ],
	[ 2, qr/needs the name/, qw(versions --history) ],
	[ 2, qr/wrong use of "jobs/, qw(jobs run sales) ],
	[ 2, qr/no command "trian".*--help/s, 'trian' ],
	[ 2, qr/unknown option --surce/, qw(train x --surce leads) ],
	[ 2, qr/--source needs a value/, qw(train x --source) ],
	[ 2, qr/one argument too many/, qw(train x y -s leads -l won) ],
	[ 1, qr/unknown option "lamda"/, qw(train x -s leads -l won --options {"lamda":1}) ],
	[ 1, qr/column "nowhere" does not exist/, qw(train x -s leads -l nowhere) ],
	[ 1, qr/does not exist/, 'train', 'x', '-s', 'leads; DROP TABLE leads', '-l', 'won' ],
	[ 1, qr/model "none" does not exist/, qw(retrain none) ],
	[ 1, qr/model "none" does not exist/, qw(drift none) ],
	[ 1, qr/model "none" does not exist/, qw(report none -o), "$dir/none.html" ],
	[ 1, qr/unknown picture "pie"/, qw(plot sales pie) ],
	[ 2, qr/--json needs --output/, qw(report sales --json) ],
	[ 1, qr/has no policy/, qw(retrain sales --if-needed) ],
	[ 4, qr/cannot write/, qw(report sales -o /nowhere/report.html) ],
	[ 4, qr/cannot write.*directory/, qw(report sales -o), "$dir" ],
	[ 3, qr/nowhere/, qw(versions -h /nowhere) ],
	[ 3, qr/database "none" does not exist/, qw(versions -d none) ])
{
	my ($code, $pattern, @words) = @$refused;
	$run = command(@words);
	is($run->{code}, $code, "exit code $code: @words");
	like($run->{err}, $pattern, 'and why');
}
is($node->query(q{SELECT to_regclass('leads') IS NOT NULL, count(*) FROM leadscore.models WHERE name = 'x'}), 't|0', 'and nothing was done');
my $message = JSON::PP::decode_json((split /\n/, command(qw(retrain none --json))->{err})[0]);
is("$message->{severity} $message->{code}", 'error 42704', 'an error as JSON has its SQLSTATE');
ok(!-e "$dir/none.html", 'no file of what failed');

# ---- monitor, drift, jobs ----
$run = command(qw(monitor timed --source), 'SELECT *, clicks + 1 AS more FROM leads', qw(--json));
is(document($run)->{rows}, 4000, 'monitor --json') or diag $run->{err};
$node->query(q{CREATE TABLE recent AS SELECT id, city, clicks + 20 AS clicks, NULL::numeric AS visits, won, at FROM leads});
is(command(qw(monitor sales))->{code}, 0, 'monitor');
$node->query(q{SELECT lead_watch('sales', source => 'recent')});
$run = command(qw(monitor sales --check));
is($run->{code}, 1, 'monitor --check: a rule fails');
like($run->{err}, qr/rules? of model "sales" failed/, 'and is told');
like($run->{out}, qr/^rule +column .*\n.* no /m, 'with the rules');
$document = document(command(qw(monitor sales --check --json)));
my @failing = grep { !$_->{passed} && $_->{severity} eq 'error' } @{ $document->{rules} };
is($document->{rows}, 4000, 'also as JSON');
cmp_ok(scalar @failing, '>', 0, 'with the rules');
like(command(qw(drift sales))->{out}, qr/^column +method .*\n(?:.*\n)*visits .* 1 /, 'drift of the newest look');
$run = command(qw(drift sales -s recent --json));
is((grep { $_->{column} eq 'clicks' && $_->{drifted} } @{ document($run) }), 1, 'drift of other leads') or diag $run->{err};
is($node->query('SELECT count(*) FROM leadscore.monitor_run'), 4, 'which keeps nothing');
$run = command(qw(drift timed -s), 'SELECT *, clicks + 1 AS more FROM leads WHERE id > 2000');
is($run->{code}, 0, 'drift of a query') or diag $run->{err};
is(command(qw(jobs run sales prune))->{code}, 0, 'jobs run');
is(command(qw(jobs run sales monitor))->{code}, 1, 'a job that fails');
is_deeply([ map { "$_->{action} $_->{status}" } @{ document(command(qw(jobs log sales --json))) } ], [ 'monitor failed', 'prune succeeded' ], 'jobs log');
is(command('jobs')->{code}, 0, 'jobs');
is(command(qw(jobs add sales prune), '0 4 * * *')->{code}, 1, 'jobs add, without pg_cron');

# ---- report, plot ----
foreach my $page ([ qw(report sales) ], [ qw(plot sales roc) ], [ qw(plot sales column clicks) ])
{
	$run = command(@$page, '-o', "$dir/page");
	is($run->{code}, 0, "@$page") or diag $run->{err};
	my ($function, @arguments) = ("lead_$page->[0]", map { "'$_'" } @$page[1 .. $#$page]);
	my $sql = $node->query("SELECT $function(" . join(', ', @arguments) . ')');
	open my $in, '<', "$dir/page" or die $!;
	my $text = do { local $/; <$in> };
	chomp $text;
	if ($page->[0] eq 'report') { like($text, qr/^<!DOCTYPE html>.*<\/html>\s*\z/si, 'a page'); }
	else { is($text, $sql, 'as in SQL'); }
	my $stdout = command(@$page);
	is(length($stdout->{out}) > 1000, 1, 'or to stdout');
}
is(document(command(qw(plot sales roc --json -o), "$dir/page"))->{file}, "$dir/page", 'and told as JSON');

# ---- a terminal: progress, width, colours, Ctrl-C ----
SKIP:
{
	skip 'no IO::Pty here', 13 if !eval { require IO::Pty };
	my $slow = q{SELECT i AS id, i % 7 AS a, i % 11 AS b, (i * 31 + i / 3) % 5 < 2 AS won, pg_sleep(0.001)::text AS c FROM generate_series(1, 12000) i};
	my @slow = ('train', 'slow', '-s', $slow, '-l', 'won', '-k', 'id', '-x', 'c');
	my $client = Client::start($node, { pty => 1 }, @slow);
	ok($client->seen(qr/training  reading rows, [\d,]+ rows  0:0\d/), 'the server says how far it is');
	my $seen = $client->finish;
	is($seen->{code}, 0, 'to the end');
	unlike($seen->{err}, qr/since the statement began/, 'and its notices are no messages');
	like($seen->{err}, qr/\r\e\[K(?:leadscore.*|\r\e\[K)*\s*\z/, 'the line is taken away');
	like($seen->{out}, qr/^model +slow$/m, 'and the result is there');

	$client = Client::start($node, { pty => 1 }, 'train', 'gone', @slow[2 .. $#slow]);
	ok($client->seen(qr/reading rows/), 'another training');
	$client->press("\cC");
	$seen = $client->finish;
	is($seen->{code}, 130, 'Ctrl-C');
	like($seen->{err}, qr/canceling statement due to user request/, 'cancels on the server');
	is($node->query(q{SELECT (SELECT count(*) FROM leadscore.models WHERE name = 'gone'), (SELECT count(*) FROM leadscore.runs WHERE model = 'gone'),
		(SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%lead_train_model%' AND state = 'active' AND pid <> pg_backend_pid())}), '0|0|0', 'and leaves nothing');

	$node->query(q{UPDATE leadscore.runs SET description = repeat('long ', 40)});
	$client = Client::start($node, { pty => 'all' }, qw(versions sales));
	$seen = $client->finish->{err};
	ok((!grep { length > 80 } map { s/\e\[[\d;]*m//gr } split /\r?\n/, $seen), 'a table fits the terminal') or diag $seen;
	like($seen, qr/\e\[1mversion/, 'in colours');
	unlike(Client::start($node, { pty => 'all', env => { NO_COLOR => 1 } }, qw(versions sales))->finish->{err}, qr/\e\[/, 'not with NO_COLOR');
	unlike(Client::start($node, { pty => 'all', env => { TERM => 'dumb' } }, qw(versions none))->finish->{err}, qr/\e\[/, 'nor on a dumb terminal');
}
my $client = Client::start($node, 'train', 'gone', '-s', q{SELECT i AS id, i % 7 AS a, i % 3 = 1 AS won, pg_sleep(0.001)::text AS c FROM generate_series(1, 60000) i}, qw(-l won -k id -x c));
$node->poll(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%lead_train_model%' AND application_name = 'leadscore under test'}, 1);
$node->restart('immediate');
$run = $client->finish;
is($run->{code}, 3, 'a server that dies while it trains');
is($node->query(q{SELECT count(*) FROM leadscore.runs WHERE model = 'gone'}), 0, 'leaves nothing');

# ---- passwords, as libpq reads them ----
$node->query(q{CREATE ROLE guarded LOGIN PASSWORD 'open sesame'; SELECT lead_grant('guarded', 'reader')});
{
	my $hba = $node->dir . '/data/pg_hba.conf';
	open my $in, '<', $hba or die $!;
	my $old = do { local $/; <$in> };
	open my $out, '>', $hba or die $!;
	print $out "local all guarded scram-sha-256\n$old";
	close $out or die $!;
	$node->query('SELECT pg_reload_conf()');
	open my $pass, '>', "$dir/pgpass" or die $!;
	print $pass "*:*:*:guarded:open sesame\n";
	close $pass or die $!;
	chmod 0600, "$dir/pgpass";
}
is(command({ env => { PGPASSFILE => "$dir/pgpass" } }, qw(versions -U guarded))->{code}, 0, '~/.pgpass');
is(command({ env => { PGPASSFILE => '/dev/null' } }, qw(versions -U guarded -w))->{code}, 3, '-w asks nobody');
SKIP:
{
	skip 'no IO::Pty here', 4 if !eval { require IO::Pty };
	$client = Client::start($node, { pty => 1, env => { PGPASSFILE => '/dev/null' } }, qw(versions -U guarded));
	ok($client->seen(qr/Password: /), 'a terminal is asked');
	$client->press("open sesame\n");
	$run = $client->finish;
	is($run->{code}, 0, 'and answers');
	unlike($run->{err}, qr/sesame/, 'unseen');
	$client = Client::start($node, { pty => 1, env => { PGPASSFILE => '/dev/null' } }, qw(versions -U guarded));
	$client->seen(qr/Password: /);
	$client->press("\cC");
	is($client->finish->{code}, 130, 'and takes Ctrl-C for an answer');
}
open my $service, '>', "$dir/services" or die $!;
print $service "[crm]\nhost=@{[$node->dir]}\nuser=postgres\ndbname=postgres\n";
close $service or die $!;
is(command({ env => { PGSERVICEFILE => "$dir/services", PGHOST => undef, PGDATABASE => undef, PGUSER => undef } }, qw(versions -d service=crm))->{code}, 0, 'a service');

# ---- help ----
my $help = command('--help');
is($help->{code}, 0, '--help');
my @commands = $help->{out} =~ /^  ([a-z]+) {3,}\S/mg;
cmp_ok(scalar @commands, '>=', 13, 'lists the commands');
like($help->{out}, qr/130 +cancelled/, 'and the exit codes');
like(command('--version')->{out}, qr/^leadscore \d+\.\d+ /, '--version');
foreach my $name (@commands)
{
	my $page = command($name, '--help');
	is($page->{code}, 0, "$name --help");
	like($page->{out}, qr/^Usage: leadscore $name .*^Examples:\n  leadscore $name\b/ms, 'has usage and an example');
	ok((!grep { length > 79 } split /\n/, $page->{out}), 'in 80 columns') or diag $page->{out};
	is(command('help', $name)->{out}, $page->{out}, "help $name");
}

# ---- the manual page has every command and option, and groff finds nothing to say ----
my $bindir = $ENV{PG_BINDIR} || `pg_config --bindir` =~ s/\s+\z//r;
my $page = `'$bindir/pg_config' --mandir` =~ s/\s+\z//r . '/man1/leadscore.1';
open my $manual, '<', $page or die "$page: $!";
my $text = do { local $/; <$manual> };
close $manual;
foreach my $name (@commands)
{
	like($text, qr/^\.SS leadscore $name /m, "the manual page has $name");
	my @missing = grep { my $option = $_ =~ s/-/\\-/gr; $text !~ /\Q$option\E(?![\w\\])/ } command($name, '--help')->{out} =~ /^ +(?:-.,)? +(--[a-z-]+)/mg;
	is("@missing", '', 'with all its options');
}
SKIP:
{
	skip 'no groff here', 1 if !grep { -x "$_/groff" } split /:/, $ENV{PATH};
	is(`groff -man -ww -Tutf8 '$page' 2>&1 >/dev/null`, '', 'and is well formed');
}

done_testing();

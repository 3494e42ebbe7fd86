#!/usr/bin/env perl
# measure.pl ROWS ROUNDS peers.py: runs what cases.sql has prepared, in turn, and
# prints the table.
#
# All statements of a round run in one session, one after the other, so that a
# slow moment of the machine hits neighbours alike; a ratio is the median of the
# ratios of each round.  The first round only warms up.  Memory is read from
# VmHWM of a fresh server process, less that of one that did the plain scan, for
# both have touched the same shared pages.
use strict;
use warnings;
use Time::HiRes qw(time);

my ($rows, $rounds, $peers) = @ARGV;
my (%ms, %notes);

# peak memory of other programs, as measured with a million rows
my %peer_bytes_per_row = ('liblinear -s 0' => 180, 'scikit-learn, sparse, newton-cholesky' => 1450,
	'scikit-learn, dense, lbfgs' => 2400, 'XGBoost, hist' => 1500, 'scikit-learn, random forest' => 1500);

my @all = table('SELECT name, workers, before, sql, EXISTS (SELECT FROM bench.line WHERE query = name)
	FROM bench.query ORDER BY (SELECT min(n) FROM bench.line WHERE query = name)');
my @queries = grep { $_->[4] eq 't' } @all;
my %sql = map { $_->[0] => $_->[3] } @all;
my %before = map { $_->[0] => $_->[2] } @all;
my @lines = table('SELECT label, query, against, target, memory FROM bench.line ORDER BY n');

say_progress("Measuring, $rounds rounds and one to warm up …");
check_plans();
time_queries();
time_one_lead();
print_table();
print_fits();
time_peers();

# Rows of a query, each a list of its columns; a NULL is an empty text.
sub table
{
	my ($sql) = @_;
	open my $psql, '-|', 'psql', '-XAtqR', "\x1e", '-F', "\x1f", '-v', 'ON_ERROR_STOP=1', '-c', $sql
		or die "psql: $!\n";
	local $/;
	my $text = <$psql> // '';
	close $psql or die "failed: $sql\n";
	$text =~ s/\n\z//;
	return map { [ split /\x1f/, $_, -1 ] } split /\x1e/, $text;
}

sub say_progress { print STDERR "@_\n"; return; }

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted ? ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2 : undef;
}

# SET commands for a number of workers: the plan that was asked for, at any size.
sub settings
{
	my ($workers) = @_;
	return "SET max_parallel_workers_per_gather = $workers; RESET leadscore.work_mem;\n"
		. ($workers ? "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;\n"
			. "SET min_parallel_table_scan_size = 0;\n" : '');
}

sub check_plans
{
	foreach my $query (@queries)
	{
		my ($name, $workers, undef, $sql) = @$query;
		my $plan = join "\n", map { $_->[0] } table(settings($workers) . "EXPLAIN $sql");
		my $gather = $plan =~ /Workers Planned: (\d+)/ ? $1 : 0;
		$notes{$name} = "planned with $gather workers" if $gather != $workers;
	}
	return;
}

sub time_queries
{
	open my $out, '>', 'rounds.sql' or die "rounds.sql: $!\n";
	foreach my $round (0 .. $rounds)
	{
		foreach my $query (@queries)
		{
			my ($name, $workers, $before, $sql) = @$query;
			print $out settings($workers), "$before\n\\echo \@$round $name\n\\timing on\n",
				"$sql;\n\\timing off\n";
		}
	}
	close $out;
	open my $psql, '-|', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', 'rounds.sql'
		or die "psql: $!\n";
	my ($round, $name);
	while (<$psql>)
	{
		($round, $name) = ($1, $2) if /^@(\d+) (.*)$/;
		push @{ $ms{$name} }, $1 if /^Time: ([\d.]+) ms/ && $round > 0;
	}
	close $psql or die "a statement failed\n";
	return;
}

# One lead by its key: pgbench, prepared, one client, the two in turn.  Short and
# often, for much depends on which core the two processes happen to share.
sub time_one_lead
{
	my %script = (
		'fetch one lead' => 'SELECT * FROM leads WHERE id = :id;',
		'score one lead' => "SELECT lead_score((SELECT model FROM bench.model WHERE name = '100 kB'), l)"
			. ' FROM leads l WHERE id = :id;');
	foreach my $name (keys %script)
	{
		open my $out, '>', "$name.pgbench" or die "$name: $!\n";
		print $out "\\set id random(1, $rows)\n$script{$name}\n";
		close $out;
	}
	foreach my $round (0 .. 3 * $rounds)
	{
		foreach my $name (sort keys %script)
		{
			my $report = `pgbench -n -M prepared -c 1 -T 1 -f '$name.pgbench' 2>&1`;
			die "pgbench: $report" if $report !~ /^tps = ([\d.]+)/m;
			push @{ $ms{$name} }, 1000 / $1 if $round > 0;
		}
	}
	push @lines, [ 'one lead fetched by its key', 'fetch one lead', '', '', 'f' ],
		[ 'one lead scored, model of 100 kB', 'score one lead', 'fetch one lead', '1.4', 'f' ];
	return;
}

# What a fresh server process has used at most, in bytes, after a statement.
sub peak
{
	my ($name) = @_;
	my $status = join "\n", map { @$_ } table(settings(0) . "$sql{$name};\n"
		. "SELECT pg_read_file('/proc/self/status')");
	return $status =~ /^VmHWM:\s*(\d+) kB/m ? $1 * 1024 : undef;
}

sub memory_per_row
{
	my ($query, $against) = @_;
	my ($own, $scan) = (peak($query), peak($against));
	return defined $own && defined $scan ? ($own - $scan) / $rows : undef;
}

sub format_ms { my ($t) = @_; return sprintf $t < 1 ? '%.3f' : '%.0f', $t; }

sub print_table
{
	my $form = "%-44s %8s %7s %7s  %-22s %6s %6s\n";
	my ($processor) = map { /^model name\s*:\s*(.*)/ ? $1 : () } `cat /proc/cpuinfo`;
	my ($version) = map { $_->[0] } table('SHOW server_version');
	printf "%s leads, %d rounds in turn; PostgreSQL %s, %d x %s\n\n", $rows, $rounds, $version,
		`nproc`, $processor // 'unknown processor';
	printf $form, 'case', 'ms', 'spread', 'ratio', 'to', 'target', 'B/row';
	printf $form, map { '-' x $_ } 44, 8, 7, 7, 22, 6, 6;
	foreach my $line (@lines)
	{
		my ($label, $query, $against, $target, $memory) = @$line;
		my @times = @{ $ms{$query} };
		my @sorted = sort { $a <=> $b } @times;
		my $middle = median(@times);
		my $ratio = $against eq '' ? undef
			: median(map { $times[$_] / $ms{$against}[$_] } 0 .. $#times);
		my $bytes = $memory eq 't' ? memory_per_row($query, $against) : undef;
		printf $form, $label, format_ms($middle),
			sprintf('%.0f %%', 100 * ($sorted[-1] - $sorted[0]) / $middle),
			defined $ratio ? sprintf('%.2f', $ratio) : '',
			$against, $target eq '' ? '' : sprintf('%.1f', $target),
			defined $bytes ? sprintf('%.0f', $bytes) : '';
	}
	print "\nms: median; spread: (largest - smallest) / median; B/row: peak memory above that of the\n",
		"scan, at most 100 wanted at a million leads and 40 at ten million\n";
	print "note: $_: $notes{$_}\n" foreach sort keys %notes;
	return;
}

sub print_fits
{
	my %wanted = $rows == 1_000_000 && $ENV{BENCH_GENERATOR} eq 'shared'
		? ('leads, missing as 2' => ', wanted 0.617861', pts => ', wanted 0.518489') : ();
	foreach my $name ('leads', 'leads, missing as 2', 'pts')
	{
		my ($row) = table("SELECT round(((lead_info(model) ->> 'deviance')::float8 / 2 / $rows)::numeric, 6)
			FROM bench.model WHERE name = '$name'");
		printf "log loss of %s: %s%s\n", $name, $row->[0], $wanted{$name} // '';
	}
	my ($deviation) = table($sql{'CASE deviates by'});
	printf "the CASE expression deviates from lead_score by %.1g at most\n", $deviation->[0];
	return;
}

# Seconds of each stage, the log loss and the memory in MB, or why there are none.
sub python
{
	my ($how) = @_;
	my $line = `/usr/bin/python3 '$peers' $how 2>&1`;
	return ("failed: " . (split /\n/, $line)[-1]) if $? != 0;
	return split ' ', $line;
}

# The log loss of scores in a table.
sub loss_of
{
	my ($table) = @_;
	my ($loss) = table("SELECT round((lead_evaluate(s.score, l.app_complete_flag)).log_loss::numeric, 6)
		FROM $table s JOIN leads l USING (id)");
	return $loss->[0];
}

sub liblinear
{
	my @steps = (
		[ 'psql', '-Xq', '-c', "\\copy ($sql{libsvm}) TO leads.libsvm" ],
		undef,
		[ 'liblinear-train', '-q', '-s', '0', '-B', '1', 'leads.libsvm', 'leads.model' ],
		[ 'sh', '-c', 'liblinear-predict -b 1 leads.libsvm leads.model leads.out >/dev/null' ],
		[ 'sh', '-c', q{awk 'NR == 1 {c = $2 == 1 ? 2 : 3} NR > 1 {print NR - 1 "," $c}' leads.out |
			psql -Xq -c 'DROP TABLE IF EXISTS peer_scores' -c 'CREATE TABLE peer_scores (id int, score float8)' \
				-c '\copy peer_scores FROM STDIN (FORMAT csv)'} ]);
	my @seconds;
	foreach my $step (@steps)
	{
		my $start = time;
		die "failed: @$step\n" if $step && system(@$step) != 0;
		push @seconds, $step ? time - $start : 0;
	}
	return @seconds, loss_of('peer_scores'), '';
}

# Our own: queries instead of stages, in one session.
sub own
{
	my ($encode, $fit, $write) = @_;
	my @names = grep { defined } $encode, $fit, $write;
	my $script = settings(0) . join '', map { "$before{$_}\n\\timing on\n$sql{$_};\n\\timing off\n" } @names;
	open my $out, '>', 'own.sql' or die "own.sql: $!\n";
	print $out $script;
	close $out;
	my @seconds = map { /^Time: ([\d.]+) ms/ ? $1 / 1000 : () }
		`psql -XAtq -v ON_ERROR_STOP=1 -f own.sql`;
	die "a statement failed\n" if $? != 0 || @seconds != @names;
	unshift @seconds, 0 if !defined $encode;
	return 0, @seconds, 0, loss_of('scores'), '';
}

# Ours, and beside it in the same round what users would pick instead; all with one thread.
sub time_peers
{
	my $python = sub { system("/usr/bin/python3 -c 'import psycopg2, pandas, $_[0]' 2>/dev/null") == 0 };
	my $sklearn = $python->('sklearn');
	my @groups = (
		[ [ 'leadscore', sub { own(undef, 'train columns', 'write scores') }, 1 ],
			[ 'liblinear -s 0', \&liblinear, -x '/usr/bin/liblinear-train' ],
			[ 'scikit-learn, sparse, newton-cholesky', sub { python('sparse') }, $sklearn ],
			[ 'scikit-learn, dense, lbfgs', sub { python('dense') }, $sklearn ] ],
		[ [ 'leadscore, boosted trees', sub { own('frame columns', 'fit boost', 'write scores, boost') }, 1 ],
			[ 'XGBoost, hist', sub { python('xgboost') }, $sklearn && $python->('xgboost') ] ],
		[ [ 'leadscore, forest', sub { own('frame columns', 'fit forest', 'write scores, forest') }, 1 ],
			[ 'scikit-learn, random forest', sub { python('forest') }, $sklearn ] ]);
	my $times = $rounds < 3 ? $rounds : 3;
	my (%result, %failed);

	# beside the server, half of the memory is theirs
	foreach my $name (keys %peer_bytes_per_row)
	{
		my $need = $rows * $peer_bytes_per_row{$name} / 1e9;
		my ($memory) = map { /^MemTotal:\s*(\d+) kB/ ? $1 / 1e6 : () } `cat /proc/meminfo`;
		$failed{$name} = sprintf 'takes some %.0f GB: too much here', $need if $need > $memory / 2;
	}
	say_progress("Measuring peers, $times rounds …");

	foreach my $round (1 .. $times)
	{
		foreach (map { @$_ } @groups)
		{
			my ($name, $run, $here) = @$_;
			next if !$here || $failed{$name};
			my @got = $run->();
			if (@got == 1) { $failed{$name} = $got[0]; next; }
			push @{ $result{$name}[$_] }, $got[$_] foreach 0 .. $#got;
			push @{ $result{$name}[7] }, $got[0] + $got[1] + $got[2] + $got[3] + $got[4];
		}
	}
	my $form = "%-38s %6s %6s %6s %6s %6s %6s %7s  %-8s %6s\n";
	print "\nEnd to end in seconds of one thread, from the table to scores in a table; median of $times\n\n";
	printf $form, 'which', 'export', 'encode', 'fit', 'score', 'import', 'total', 'to ours', 'log loss', 'MB';
	printf $form, map { '-' x $_ } 38, (6) x 6, 7, 8, 6;
	foreach my $group (@groups)
	{
		my @ours = @{ $result{ $group->[0][0] }[7] };
		foreach my $name (map { $_->[0] } @$group)
		{
			my @column = map { ref $_ ? $_ : [] } @{ $result{$name} // [] };
			if (!@column)
			{
				printf "%-38s %s\n", $name, $failed{$name} // 'not installed (make bench PEERS=1)';
				next;
			}
			my @total = @{ $column[7] };
			printf $form, $name, (map { my $s = median(@{ $column[$_] }); $s ? sprintf '%.2f', $s : '' } 0 .. 4),
				sprintf('%.2f', median(@total)),
				sprintf('%.1f', median(map { $total[$_] / $ours[$_] } 0 .. $#total)),
				$column[5][0], $column[6][0];
		}
	}
	print "\nEncode is the frame, for our trees; for our line it is part of the fit.  Scores are written\n",
		"to their table as they are made.  Trees: 100, boosted of depth 6, a forest's of depth 10.\n";
	return;
}

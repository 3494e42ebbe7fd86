#!/usr/bin/env perl
# [POOLS=1,2,8] serve.pl ROUNDS: leadscore serve by wrk beside pgbench, on the table of the bench.
#
# Both call the same model with the same lead, by as many connections; pgbench
# prepares lead_score(text, jsonb).  They take turns, and a ratio is the median of
# the rounds' ratios, the first of which only warms up.  Half load is wrk with
# pauses between its requests.
use strict;
use warnings;
use File::Temp ();
use Time::HiRes ();

my $rounds = shift || 5;
my $seconds = 3;
my $clients = 8;
my $dir = File::Temp->newdir(TMPDIR => 1);
my $pid;
$SIG{$_} = sub { exit 1 } foreach qw(INT TERM);
END { kill 'TERM', $pid if $pid; waitpid $pid, 0 if $pid; }

sub sql
{
	my ($sql) = @_;
	open my $psql, '-|', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql or die "psql: $!\n";
	local $/;
	my $text = <$psql> // '';
	close $psql or die "failed: $sql\n";
	chomp $text;
	return $text;
}

sub put { my ($name, $text) = @_; open my $out, '>', "$dir/$name" or die "$name: $!\n"; print $out $text; close $out or die; return "$dir/$name"; }

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

sub start
{
	my ($pool) = @_;
	$pid = fork // die "fork: $!\n";
	if ($pid == 0)
	{
		open STDERR, '>', "$dir/log";
		exec qw(leadscore serve --listen 127.0.0.1:0 --pool), $pool or die;
	}
	foreach (1 .. 100)
	{
		Time::HiRes::sleep(0.1);
		open my $log, '<', "$dir/log" or next;
		local $/;
		return $1 if <$log> =~ m{"(http://127\.0\.0\.1:\d+)/"};
	}
	die "leadscore serve did not start\n";
}

# requests a second, and latencies in milliseconds, by percentile
sub wrk
{
	my ($script, $connections, $url) = @_;
	my $text = `wrk -t1 -c$connections -d${seconds}s --latency -s '$script' '$url/v1/models/bench_serve/score'`;
	die "wrk: $text\n" if $text =~ /Non-2xx|Socket errors/ || $text !~ /Requests\/sec:\s+([\d.]+)/;
	my %r = (rate => $1);
	my %unit = (us => 0.001, ms => 1, s => 1000);
	$r{$1} = $2 * $unit{$3} while $text =~ /^\s+(50|99)%\s+([\d.]+)(us|ms|s)$/mg;
	return \%r;
}

sub pgbench
{
	my ($script, $lead) = @_;
	my $text = do
	{
		open my $out, '-|', 'pgbench', '-n', '-M', 'prepared', '-c', $clients, '-j', 2, '-T', $seconds, '-D', 'model=bench_serve', '-D', "lead=$lead", '-f', $script or die;
		local $/;
		<$out>;
	};
	return $text =~ /tps = ([\d.]+)/ ? $1 : die "pgbench: $text\n";
}

sql(q{DO $$ BEGIN PERFORM lead_drop_model('bench_serve', force => true); EXCEPTION WHEN undefined_object THEN END $$});
sql(q{SELECT lead_train_model('bench_serve', 'SELECT * FROM leads WHERE id <= 50000', 'app_complete_flag = 1', key => 'id', exclude => '{created_date,app_complete_flag}')});
my $lead = sql(q{SELECT to_jsonb(l) - '{id,created_date,app_complete_flag}'::text[] FROM leads l WHERE id = 4711});
my $thousand = sql(q{SELECT jsonb_agg(to_jsonb(l) - '{id,created_date,app_complete_flag}'::text[]) FROM leads l WHERE id BETWEEN 1 AND 1000});
my $call = put('call.sql', "SELECT lead_score(:model::text, :lead::jsonb);\n");
my $request = sub {
	my ($name, $body, $more) = @_;
	put("$name.json", $body);
	return put("$name.lua", qq{wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n}
			. qq{local f = io.open("$dir/$name.json", "rb")\nwrk.body = f:read("*a")\nf:close()\n} . ($more || ''));
};
my $one = $request->('one', $lead);
my $paced = $request->('paced', $lead, "function delay() return 1 end\n");
my $many = $request->('many', $thousand);

print "\nleadscore serve beside pgbench, $clients connections, a lead of " . length($lead) . " bytes\n";
foreach my $pool (split /,/, $ENV{POOLS} || "1,2,$clients")
{
	my $url = start($pool);
	my $paused = 8;
	my (@ratio, @tps, @rate, @half, @documents);
	foreach my $round (0 .. $rounds)
	{
		my $tps = pgbench($call, $lead);
		my $full = wrk($one, $clients, $url);
		# how often does one ask that pauses for a millisecond?  As many as make half
		my $half = wrk($paced, $paused, $url);
		$paused = int($paused * $full->{rate} / 2 / $half->{rate} + 0.5) || 1;
		my $batch = wrk($many, 2, $url);
		next if $round == 0;
		push @tps, $tps;
		push @rate, $full->{rate};
		push @ratio, $full->{rate} / $tps;
		push @half, [ $half->{rate} / $full->{rate}, $half->{50}, $half->{99} ];
		push @documents, 1000 * $batch->{rate};
	}
	kill 'TERM', $pid;
	waitpid $pid, 0;
	undef $pid;
	printf "  --pool %d: %6.0f requests/s, pgbench %6.0f, ratio %.2f\n", $pool, median(@rate), median(@tps), median(@ratio);
	printf "    at %.0f %% of that load: p50 %.2f ms, p99 %.2f ms, %.1f times p50\n",
		100 * median(map { $_->[0] } @half), median(map { $_->[1] } @half), median(map { $_->[2] } @half), median(map { $_->[2] / $_->[1] } @half);
	printf "    arrays of 1000: %.0f documents/s\n", median(@documents);
}
sql(q{SELECT lead_drop_model('bench_serve', force => true)});

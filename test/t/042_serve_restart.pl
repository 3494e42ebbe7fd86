# leadscore serve when things end: PostgreSQL, its backends, the service itself.
use strict;
use warnings;
use lib 'test/t/lib';
use Test::More;
use Time::HiRes ();
use Cluster;
use Leads;
use Service;

plan skip_all => 'the program was built without serve' if !Service->available;
$SIG{PIPE} = 'IGNORE';

my $node = Cluster->new('ends');
$node->query('CREATE EXTENSION leadscore');
Leads::create($node);
Leads::train($node);
my $good = '{"city": "Pune", "clicks": 3, "visits": 1.5}';
my $path = '/v1/models/sales/score';
my $backends = q{FROM pg_stat_activity WHERE application_name = 'leadscore' AND pid <> pg_backend_pid()};

# Clients that ask one request after the other until told to stop by a file;
# each ends with 0 if all was well.  $wanted says if an answer is.
sub clients
{
	my ($service, $n, $wanted) = @_;
	my $flag = $node->dir . '/stop' . Time::HiRes::time();
	my @pids;
	foreach (1 .. $n)
	{
		my $pid = fork // die;
		if ($pid == 0)
		{
			delete $service->{ua};
			my $wrong = 0;
			while (!-e $flag)
			{
				my $answer = $service->post($path, $good);
				last if $answer->{status} == 599 && $answer->{text} =~ /refused/;
				$wrong++, warn "$answer->{status} $answer->{text}\n" if !$wanted->($answer);
			}
			POSIX::_exit($wrong > 0);
		}
		push @pids, $pid;
	}
	return sub {
		open my $f, '>', $flag or die;
		my $wrong = 0;
		foreach (@pids) { waitpid $_, 0; $wrong++ if $?; }
		return $wrong;
	};
}

# ---- PostgreSQL ends in the middle ----

my $service = Service->new($node, options => [ '--pool', 3, '--timeout', 20 ]);
my $finish = clients($service, 4, sub { $_[0]{status} == 200 });
Time::HiRes::sleep(0.3);
$node->restart('immediate');
Time::HiRes::sleep(0.3);
$node->restart('fast');
Time::HiRes::sleep(0.3);
my $victim = $node->query("SELECT pid $backends LIMIT 1");
kill 'KILL', $victim;
Time::HiRes::sleep(0.5);
is($finish->(), 0, 'PostgreSQL restarts at once, in order, and after a crash: no request has noticed');
ok($node->poll("SELECT count(*) <= 3 $backends", 't'), 'its connections are as many as asked for');
like($service->get('/metrics')->{text}, qr/^leadscore_database_retries_total [1-9]/m, 'some were asked again');
is($service->stop, 0, 'stops');

# ---- it is away for long ----

$service = Service->new($node, options => [ '--pool', 2, '--timeout', 1 ]);
is($service->get('/readyz')->{status}, 200, 'ready');
$node->stop('immediate');
foreach my $try (1 .. 3)
{
	my $answer = $service->post($path, $good);
	is("$answer->{status} $answer->{code} " . ($answer->{headers}{'retry-after'} ? 'later' : ''), '503 database_unavailable later', 'away: come back later');
	is($service->get('/readyz')->{code}, 'database_unavailable', 'not ready');
	Time::HiRes::sleep(0.5);
}
my $from = Time::HiRes::time();
$service->post($path, $good);
cmp_ok(Time::HiRes::time() - $from, '<', 0.5, 'nobody waits for what is known to be away');
is($service->get('/healthz')->{status}, 200, 'but alive');
like($service->get('/metrics')->{text}, qr/^leadscore_database_up 0$/m, 'the metrics tell');
$node->start;
my $end = time + 20;
Time::HiRes::sleep(0.1) while time < $end && $service->get('/readyz')->{status} != 200;
is($service->post($path, $good)->{status}, 200, 'back');
like($service->log, qr/"event":"database_away".*"event":"database_back"/s, 'the log tells');

# ---- it hangs; the pool is full ----

$service->stop;
$service = Service->new($node, options => [ '--pool', 1, '--queue', 0, '--timeout', 1 ]);
is($service->post($path, $good)->{status}, 200, 'one connection');
$victim = $node->query("SELECT pid $backends");
kill 'STOP', $victim;
my $socket = $service->connect;
syswrite $socket, "POST $path HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " . length($good) . "\r\n\r\n$good";
Time::HiRes::sleep(0.3);
my $answer = $service->post($path, $good);
is("$answer->{status} $answer->{code} $answer->{headers}{'retry-after'}", '503 busy 1', 'no connection free, no room to wait');
like(Service::read_all($socket, 10), qr/^HTTP\/1.1 504 .*"database_timeout"/s, 'what hangs has its time');
is($service->post($path, $good)->{status}, 200, 'and the next one gets another connection');
kill 'CONT', $victim;
ok($node->poll("SELECT count(*) $backends", '1'), 'which is the only one again');

# ---- the extension, the rights go ----

$node->query('CREATE ROLE web LOGIN; GRANT USAGE ON SCHEMA leadscore TO web');
is($service->stop, 0, 'stops');
$service = Service->new($node, user => 'web');
$answer = $service->post($path, $good);
is("$answer->{status} $answer->{code}", '500 misconfigured', 'without rights');
unlike($answer->{text}, qr/permission|aliases|versions|sales/, 'the answer tells nothing');
like($service->log, qr/"problem":"42501: permission denied for table/, 'the log tells what');
$node->query(q{SELECT lead_grant('web', 'reader')});
is($service->post($path, $good)->{status}, 200, 'with rights');
$node->query('DROP EXTENSION leadscore CASCADE');
is($service->post($path, $good)->{code}, 'misconfigured', 'without the extension');
$node->query('CREATE SCHEMA elsewhere; CREATE EXTENSION leadscore SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO web');
$node->query(q{SET search_path = public, elsewhere; SELECT lead_train_model('sales', 'leads', 'won', key => 'id'); SELECT lead_grant('web', 'reader')});
my %status;
$status{ $service->post($path, $good)->{status} }++ foreach 1 .. 10;
cmp_ok($status{200} // 0, '>=', 9, 'with it again, in another schema');
is($service->stop, 0, 'stops');
$node->query('ALTER DATABASE postgres SET search_path = public, elsewhere');

# ---- SIGTERM under load: what was accepted is answered ----

foreach my $keep (1, 0)
{
	$service = Service->new($node, options => [ '--pool', 2 ]);
	# closing by itself is fine, between two requests; cut off in one is not
	my $request = "POST $path?reasons=2 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" . ($keep ? '' : "Connection: close\r\n") .
		'Content-Length: ' . length($good) . "\r\n\r\n$good";
	my @pids;
	foreach (1 .. 6)
	{
		my $pid = fork // die;
		if ($pid == 0)
		{
			my ($socket, $answered) = (undef, 0);
			for (;;)
			{
				$socket ||= IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $service->{port}) or last;
				syswrite $socket, $request or POSIX::_exit(1);
				my $text = '';
				1 while $text !~ /"reasons":".*"\}\n\z/ && sysread $socket, $text, 65536, length $text;
				# a kept connection may be closed while the next request is on its way, unread
				last if $text eq '' && $keep;
				POSIX::_exit($text eq '' ? 4 : 2) if $text !~ m{^HTTP/1.1 200.*"reasons":".*"\}\n\z}s;
				$answered++;
				undef $socket if !$keep || $text =~ /^Connection: close/mi;
			}
			POSIX::_exit($answered > 0 ? 0 : 3);
		}
		push @pids, $pid;
	}
	Time::HiRes::sleep(0.7);
	is($service->stop('TERM', 20), 0, $keep ? 'SIGTERM under load' : 'SIGTERM, a connection per request');
	my @wrong;
	foreach (@pids) { waitpid $_, 0; push @wrong, $? >> 8 if $?; }
	is("@wrong", '', 'every request that was accepted has its answer');
	like($service->log, qr/"event":"stopped"/, 'the log says so');
}

# ---- a server that falls silent while a connection is set up ----

# Hands on what comes by its own socket; of all connections but the first nothing
# from the query for the extension on.
{
	require IO::Select;
	require IO::Socket::UNIX;
	my ($port) = $node->query('SHOW port');
	my $way = $node->dir . '/way';
	mkdir $way or die;
	my $listener = IO::Socket::UNIX->new(Local => "$way/.s.PGSQL.$port", Listen => 10) or die "$way: $!";
	my $proxy = fork // die;
	if ($proxy == 0)
	{
		my ($select, %peer, %mute, $n) = (IO::Select->new($listener));
		alarm 60;
		while (my @ready = $select->can_read)
		{
			foreach my $from (@ready)
			{
				if ($from == $listener)
				{
					my $client = $listener->accept or next;
					my $server = IO::Socket::UNIX->new(Peer => $node->dir . "/.s.PGSQL.$port") or next;
					@peer{$client, $server} = ($server, $client);
					$mute{$client} = 0 if $n++;
					$select->add($client, $server);
					next;
				}
				my $bytes = '';
				next if !$peer{$from};
				if (!sysread $from, $bytes, 65536)
				{
					my $to = delete $peer{$from};
					delete $peer{$to};
					$select->remove($from, $to);
					close $_ for $from, $to;
					next;
				}
				$mute{$from} = 1 if exists $mute{$from} && $bytes =~ /pg_extension/;
				syswrite $peer{$from}, $bytes if !$mute{$from};
			}
		}
		POSIX::_exit(0);
	}
	close $listener;
	$service = Service->new($node, options => [ '-h', $way, '--pool', 1, '--timeout', 2 ]);
	is($service->post($path, $good)->{status}, 200, 'by a way round');
	$node->query("SELECT pg_terminate_backend(pid) $backends");
	like($service->post($path, $good)->{code}, qr/^database_(?:unavailable|timeout)$/, 'a server that says nothing any more is not waited for without end');
	ok($service->alive, 'nor does it hold the service');
	is($service->stop('TERM'), 0, 'when it ends, either');
	kill 'KILL', $proxy;
	waitpid $proxy, 0;
}

# ---- kill -9 ----

$service = Service->new($node, options => [ '--pool', 3 ]);
$finish = clients($service, 3, sub { 1 });
Time::HiRes::sleep(0.3);
kill 'KILL', $service->{pid};
waitpid delete $service->{pid}, 0;
$finish->();
ok($node->poll("SELECT count(*) $backends", '0'), 'killed, it leaves nothing on the server');

done_testing();

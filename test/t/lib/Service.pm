# Service: `leadscore serve` for one test, and a client of its own for it.
#
#	my $s = Service->new($node, user => 'web', options => ['--pool', 2]);
#	my $a = $s->post('/v1/models/sales/score', $body);	{status, headers, json, text}
#	my $a = $s->get('/healthz');
#	my $bytes = $s->raw($bytes [, seconds]);	what comes back for bytes of any kind
#	my $socket = $s->connect;
#	$s->stop('TERM');		its exit status
#
# $ENV{LEADSCORE_UNDER} is put before the program: a valgrind, say; SERVICE_PATIENCE
# is how many seconds it may take to start.
package Service;

use strict;
use warnings;
use HTTP::Tiny ();
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Time::HiRes ();
use Cluster;

sub program { return Cluster->program('leadscore'); }

# The service was left out where its libraries are missing.
sub available
{
	return -x program() && `'@{[program()]}' --help 2>&1` =~ /^\s+serve\s/m;
}

# Options of new(): user, database, options (a list), env (a hash).
sub command
{
	my ($node, %how) = @_;
	return (program(), 'serve', '--listen', $how{listen} || '127.0.0.1:0',
		'-h', $node->dir, '-U', $how{user} || 'postgres', '-d', $how{database} || 'postgres',
		@{ $how{options} || [] });
}

my $count = 0;

sub new
{
	my ($class, $node, %how) = @_;
	my $self = bless { node => $node, how => \%how, logfile => $node->dir . '/serve' . ++$count . '.log', owner => $$ }, $class;
	$self->{pid} = fork;
	die "fork: $!" if !defined $self->{pid};
	if ($self->{pid} == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$self->{logfile}.out";
		open STDERR, '>', $self->{logfile};
		exec split(' ', $ENV{LEADSCORE_UNDER} || ''), command($node, %how) or POSIX::_exit(99);
	}
	my $end = time + ($ENV{SERVICE_PATIENCE} || 20);
	while (time < $end)
	{
		if ($self->log =~ m{"message":"http://127\.0\.0\.1:(\d+)/"})
		{
			$self->{port} = $1;
			return $self;
		}
		last if waitpid($self->{pid}, POSIX::WNOHANG) != 0;
		Time::HiRes::sleep(0.05);
	}
	delete $self->{pid};
	die "the service did not start:\n" . $self->log;
}

sub log { return Cluster::slurp($_[0]{logfile}); }
sub url { return "http://127.0.0.1:$_[0]{port}$_[1]"; }

sub request
{
	my ($self, $method, $path, $body, %headers) = @_;
	my $ua = $self->{ua} ||= HTTP::Tiny->new(timeout => 60, keep_alive => 1);
	my $r = $ua->request($method, $self->url($path), { content => $body // '', headers => \%headers });
	my $answer = { status => $r->{status}, headers => $r->{headers}, text => $r->{content} };
	$answer->{json} = eval { JSON::PP->new->utf8->allow_nonref->decode($r->{content}) }
		if ($r->{headers}{'content-type'} // '') eq 'application/json';
	$answer->{code} = ref $answer->{json} eq 'HASH' ? $answer->{json}{code} : undef;
	return $answer;
}

sub get { my ($self, $path, %headers) = @_; return $self->request('GET', $path, undef, %headers); }

sub post
{
	my ($self, $path, $body, %headers) = @_;
	$body = JSON::PP->new->utf8->canonical->encode($body) if ref $body;
	return $self->request('POST', $path, $body, 'Content-Type' => 'application/json', %headers);
}

sub connect
{
	my ($self) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 10)
		or die "connect: $!";
	return $socket;
}

# Until the other side closes, or so many seconds are over.
sub read_all
{
	my ($socket, $seconds) = @_;
	my ($text, $end) = ('', Time::HiRes::time() + ($seconds || 10));
	my $select = IO::Select->new($socket);
	while ($select->can_read(($end - Time::HiRes::time()) > 0 ? $end - Time::HiRes::time() : 0))
	{
		last if !sysread $socket, $text, 65536, length $text;
	}
	return $text;
}

sub raw
{
	my ($self, $bytes, $seconds) = @_;
	my $socket = $self->connect;
	local $SIG{PIPE} = 'IGNORE';
	syswrite $socket, $bytes;
	return read_all($socket, $seconds);
}

# Its exit status; undef if it had to be killed.
sub stop
{
	my ($self, $signal, $seconds) = @_;
	my $pid = delete $self->{pid} or return;
	kill $signal || 'TERM', $pid;
	my $end = Time::HiRes::time() + ($seconds || 60);
	while (Time::HiRes::time() < $end)
	{
		return $? if waitpid($pid, POSIX::WNOHANG) == $pid;
		Time::HiRes::sleep(0.02);
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return undef;
}

sub alive { my ($self) = @_; return waitpid($self->{pid}, POSIX::WNOHANG) == 0 && $self->get('/healthz')->{status} == 200; }

sub DESTROY { my ($self) = @_; local ($?, $@); $self->stop('KILL') if $self->{owner} == $$; }

1;

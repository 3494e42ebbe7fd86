# Client: the program leadscore, driven as a person would.
#
#	my $run = Client::run($node, 'load', $file, 'leads');
#	my $run = Client::run($node, { stdin => $text, env => { ... } }, ...);
#		$run->{code}, {out}, {err}, {rss} (kB, the greatest), {signal}
#	my $client = Client::start($node, { pty => 1 }, ...);	goes on by itself
#		$client->feed($text), ->close_stdin, ->press("\cC"), ->kill('INT'),
#		->seen(qr/.../) waits until the screen shows it, ->finish gives a $run
#
# With pty, stdin, stderr and the signals of the keyboard are those of a terminal of
# 80 columns, and {err} is what was seen there; stdout is a file unless pty is 'all'.
# $ENV{LEADSCORE_UNDER} is put before the program: a valgrind, say.
package Client;

use strict;
use warnings;
use File::Temp ();
use IO::Handle ();
use IO::Select ();
use POSIX ();
use Test::More ();
use Time::HiRes ();

sub program { my ($node) = @_; return $node->program('leadscore'); }

# Nothing to test where the program could not be built.
sub skip_unless_built
{
	my ($class) = @_;
	my $bindir = $ENV{PG_BINDIR} || `pg_config --bindir` =~ s/\s+\z//r;
	Test::More::plan(skip_all => "no program leadscore in $bindir: its libraries are missing")
		if !-x "$bindir/leadscore";
	return;
}

sub start
{
	my ($node, @words) = @_;
	my $how = ref $words[0] eq 'HASH' ? shift @words : {};
	my $self = bless { seen => '', how => $how }, __PACKAGE__;
	$self->{$_} = File::Temp->new for qw(out err);
	my $terminal;
	if ($how->{pty})
	{
		require IO::Pty;
		$terminal = IO::Pty->new;
		$terminal->set_winsize(24, 80);
	}
	pipe my $reader, my $writer or die "pipe: $!";
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if ($pid == 0)
	{
		my %env = (PGHOST => $node->dir, PGUSER => 'postgres', PGDATABASE => 'postgres', TERM => 'xterm',
			PGAPPNAME => 'leadscore under test', %{ $how->{env} || {} });
		defined $env{$_} ? $ENV{$_} = $env{$_} : delete $ENV{$_} for keys %env;
		if ($terminal)
		{
			$terminal->make_slave_controlling_terminal;
			my $slave = $terminal->slave;
			close $terminal;
			open STDIN, '<&', $slave or die;
			open STDERR, '>&', $slave or die;
			if ($how->{pty} eq 'all') { open STDOUT, '>&', $slave or die; }
			else { open STDOUT, '>', $self->{out}->filename or die; }
		}
		else
		{
			open STDOUT, '>', $how->{out} || $self->{out}->filename or die;
			open STDERR, '>', $self->{err}->filename or die;
		}
		if (!$terminal || $how->{pipe}) { open STDIN, '<&', $reader or die; }
		close $_ for $reader, $writer;
		exec((split ' ', $ENV{LEADSCORE_UNDER} || ''), program($node), @words) or POSIX::_exit(127);
	}
	close $reader;
	$writer->autoflush;
	@$self{qw(pid writer terminal)} = ($pid, $writer, $terminal);
	$terminal->close_slave if $terminal;
	return $self;
}

sub feed { my ($self, $text) = @_; local $SIG{PIPE} = 'IGNORE'; return print { $self->{writer} } $text; }
sub close_stdin { my ($self) = @_; close $self->{writer}; return; }
sub press { my ($self, $keys) = @_; return syswrite $self->{terminal}, $keys; }
sub kill { my ($self, $signal) = @_; return CORE::kill $signal, $self->{pid}; }

# Reads what the terminal shows, for so long; false when it is closed.
sub look
{
	my ($self, $seconds) = @_;
	return 0 if !IO::Select->new($self->{terminal})->can_read($seconds);
	my $n = sysread $self->{terminal}, my $more, 65536;
	return 0 if !$n;
	$self->{seen} .= $more;
	return 1;
}

sub seen
{
	my ($self, $pattern, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds || 60);
	while ($self->{seen} !~ $pattern)
	{
		my $left = $end - Time::HiRes::time();
		return 0 if $left <= 0;
		if (!$self->look($left < 0.2 ? $left : 0.2) && waitpid($self->{pid}, POSIX::WNOHANG()) > 0)
		{
			$self->{status} = $?;
			while ($self->look(0)) { }
			return $self->{seen} =~ $pattern;
		}
	}
	return 1;
}

# The greatest memory so far, in kB, where /proc tells.
sub weigh
{
	my ($self) = @_;
	open my $in, '<', "/proc/$self->{pid}/status" or return;
	while (my $line = <$in>)
	{
		$self->{rss} = $1 if $line =~ /^VmHWM:\s+(\d+) kB/;
	}
	return;
}

sub finish
{
	my ($self) = @_;
	close $self->{writer} if $self->{writer};
	my $end = Time::HiRes::time() + 300;
	while (!defined $self->{status})
	{
		if ($self->{terminal}) { $self->look(0.05); }
		else { Time::HiRes::sleep(0.005); }
		$self->weigh;
		$self->{status} = $? if waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
		if (Time::HiRes::time() > $end)
		{
			$self->kill('KILL');
			die "leadscore did not end\n";
		}
	}
	while ($self->{terminal} && $self->look(0.05)) { }
	local $/;
	open my $out, '<', $self->{out}->filename or die;
	open my $err, '<', $self->{err}->filename or die;
	return { code => $self->{status} >> 8, signal => $self->{status} & 127, out => scalar <$out> // '',
		rss => $self->{rss}, err => $self->{terminal} ? $self->{seen} : scalar <$err> // '' };
}

sub run
{
	my ($node, @words) = @_;
	my $how = ref $words[0] eq 'HASH' ? $words[0] : {};
	my $self = start($node, @words);
	$self->feed($how->{stdin}) if defined $how->{stdin};
	return $self->finish;
}

1;

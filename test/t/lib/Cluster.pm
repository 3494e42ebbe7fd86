# Cluster: a PostgreSQL server for one test, with nothing but core Perl.
#
#	my $node = Cluster->new('main');	initdb, started, database "postgres"
#	my $copy = $node->replica('copy');	streaming, hot standby
#	$node->query($sql)			rows, columns parted by "|"; dies on error
#	$node->error($sql)			the error's text, '' if there was none
#	$node->stop('immediate'), ->start, ->restart, ->dir, ->log
#
# $ENV{PG_BINDIR} says whose programs; without it those of pg_config.  A node
# goes with its object: stopped, its directory removed.  Sockets lie in the
# node's directory, no network is listened on.
package Cluster;

use strict;
use warnings;
use File::Temp ();
use Time::HiRes ();

my $bindir = $ENV{PG_BINDIR};
if (!$bindir)
{
	chomp($bindir = `pg_config --bindir`);
}
delete @ENV{ grep { /^PG/ && $_ ne 'PG_BINDIR' && $_ ne 'PG_CONFIG' } keys %ENV };
$ENV{LC_ALL} = 'C';

my $top_pid = $$;

sub run
{
	my @command = @_;
	my $pid = open my $out, '-|';
	die "fork: $!" if !defined $pid;
	if ($pid == 0)
	{
		open STDERR, '>&', \*STDOUT;
		exec @command or die "$command[0]: $!";
	}
	local $/;
	my $text = <$out>;
	close $out;
	die "@command failed:\n$text" if $?;
	return $text;
}

sub program { return "$bindir/$_[1]"; }
sub dir     { return $_[0]{dir}; }
sub log     { return "$_[0]{dir}/server.log"; }

sub blank
{
	my ($class, $name) = @_;
	my $tmp = File::Temp->newdir("t_${name}_XXXX", TMPDIR => 1);
	return bless { name => $name, tmp => $tmp, dir => "$tmp" }, $class;
}

sub configure
{
	my ($self, $more) = @_;
	open my $conf, '>>', "$self->{dir}/data/postgresql.conf" or die $!;
	print $conf "listen_addresses = ''\nunix_socket_directories = '$self->{dir}'\n",
		"fsync = off\nmax_connections = 20\nshared_buffers = 32MB\n",
		"wal_level = replica\ntimezone = 'UTC'\n", $more || '';
	close $conf or die $!;
}

# $more: lines for postgresql.conf
sub new
{
	my ($class, $name, $more) = @_;
	my $self = $class->blank($name);
	run("$bindir/initdb", '-D', "$self->{dir}/data", qw(-U postgres -A trust -E UTF8),
		qw(--locale=C --no-sync));
	$self->configure($more);
	$self->start;
	return $self;
}

sub replica
{
	my ($self, $name) = @_;
	my $copy = ref($self)->blank($name);
	run("$bindir/pg_basebackup", '-D', "$copy->{dir}/data", '-h', $self->{dir},
		qw(-U postgres -R -X stream -c fast --no-sync));
	$copy->configure;
	$copy->start;
	return $copy;
}

sub start
{
	my ($self) = @_;
	# pg_ctl's child keeps the pipe open, so its output goes to a file
	my $status = system("'$bindir/pg_ctl' -D '$self->{dir}/data' -l '$self->{dir}/server.log' "
			. "-w -s start >'$self->{dir}/start.log' 2>&1");
	die "$self->{name} did not start, see its log:\n" . slurp($self->log) if $status;
	$self->{running} = 1;
	return $self;
}

sub stop
{
	my ($self, $mode) = @_;
	return if !$self->{running};
	run("$bindir/pg_ctl", '-D', "$self->{dir}/data", '-w', '-s', '-m', $mode || 'fast', 'stop');
	$self->{running} = 0;
	return $self;
}

sub restart { my ($self, $mode) = @_; $self->stop($mode); return $self->start; }

sub slurp
{
	my ($file) = @_;
	open my $in, '<', $file or return "(no $file)";
	local $/;
	return scalar <$in>;
}

sub psql_command
{
	my ($self, %how) = @_;
	return ("$bindir/psql", '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=default',
		'-h', $self->{dir}, '-U', $how{user} || 'postgres', '-d', $how{database} || 'postgres');
}

# Returns (ok, output); NOTICEs stay on stderr unless asked for.  The statements
# go in by a file: with -c, psql 14 prints the results of the last one only.
sub psql
{
	my ($self, $sql, %how) = @_;
	my $file = File::Temp->new;
	binmode $file, ':utf8' if utf8::is_utf8($sql);
	print $file $sql;
	close $file;
	my $pid = open my $out, '-|';
	die "fork: $!" if !defined $pid;
	if ($pid == 0)
	{
		$ENV{PGOPTIONS} = $how{options} || '-c client_min_messages=error';
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', $file->filename or die "$file: $!";
		exec $self->psql_command(%how) or die "psql: $!";
	}
	my $text = do { local $/; <$out> } // '';
	close $out;
	my $ok = $? == 0;
	chomp $text;
	return ($ok, $text);
}

sub query
{
	my ($self, $sql, %how) = @_;
	my ($ok, $text) = $self->psql($sql, %how);
	die "$self->{name}: $sql\n$text\n" if !$ok;
	return $text;
}

sub error
{
	my ($self, $sql, %how) = @_;
	my ($ok, $text) = $self->psql($sql, %how);
	return $ok ? '' : $text;
}

# A psql of its own in the background; its pid, to be waited for.
sub background
{
	my ($self, $sql, %how) = @_;
	my $pid = fork;
	die "fork: $!" if !defined $pid;
	if ($pid == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec $self->psql_command(%how), '-c', $sql;
		die;
	}
	return $pid;
}

# Asks until the answer is what is wanted, at most $seconds (default 30).
sub poll
{
	my ($self, $sql, $want, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds || 30);
	my $got = '';
	while (Time::HiRes::time() < $end)
	{
		my $ok;
		($ok, $got) = $self->psql($sql);
		return 1 if $ok && $got eq $want;
		Time::HiRes::sleep(0.05);
	}
	warn "$self->{name}: $sql: wanted $want, have $got\n";
	return 0;
}

sub catch_up
{
	my ($self, $replica) = @_;
	my $lsn = $self->query('SELECT pg_current_wal_lsn()');
	return $replica->poll("SELECT pg_last_wal_replay_lsn() >= '$lsn'", 't');
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $top_pid || !$self->{running};
	local ($?, $@);
	eval { $self->stop('immediate') };
}

1;

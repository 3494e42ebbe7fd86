# Browser: Debian's chromium, driven through its pipe for developers' tools.
#
#	my $b = Browser->new($width, $height);	undef where there is none
#	$b->open($url);
#	my $value = $b->js('expression');	promises are awaited
#	$b->wait_for('expression');		until it is true; false after 20 seconds
#	$b->type('text'), ->key('Tab');		as from the keyboard
#	$b->screenshot($file);
#	$b->logged;				what the console and the policies said
package Browser;

use strict;
use warnings;
use File::Temp ();
use IO::Select ();
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Time::HiRes ();

my $json = JSON::PP->new->utf8->allow_nonref;

sub program
{
	my ($found) = grep { -x } map { my $name = $_; map { "$_/$name" } split /:/, $ENV{PATH} } qw(chromium chromium-browser google-chrome);
	return $found;
}

sub new
{
	my ($class, $width, $height) = @_;
	my $program = program() or return;
	my $self = bless { id => 0, events => [], buffer => '', dir => File::Temp->newdir('browser_XXXX', TMPDIR => 1), owner => $$ }, $class;
	pipe my $their_in, $self->{out} or die;
	pipe $self->{in}, my $their_out or die;
	$self->{out}->autoflush;
	$self->{pid} = fork // die;
	if ($self->{pid} == 0)
	{
		# descriptors 3 and 4 are the pipe; they may lie there already, in any order
		my $high_in = POSIX::dup(fileno $their_in);
		my $high_out = POSIX::dup(fileno $their_out);
		($high_in, $high_out) = map { my $fd = $_; $fd = POSIX::dup($fd) while $fd < 10; $fd } $high_in, $high_out;
		POSIX::dup2($high_in, 3);
		POSIX::dup2($high_out, 4);
		CORE::open STDERR, '>', "$self->{dir}/log";
		CORE::open STDOUT, '>&', \*STDERR;
		exec $program, qw(--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe),
			"--user-data-dir=$self->{dir}/profile", 'about:blank' or POSIX::_exit(99);
	}
	close $their_in;
	close $their_out;
	my $target = $self->call('Target.createTarget', url => 'about:blank');
	$self->{session} = $self->call('Target.attachToTarget', targetId => $target->{targetId}, flatten => JSON::PP::true)->{sessionId};
	$self->call("$_.enable") foreach qw(Page Runtime Log);
	$self->call('Emulation.setDeviceMetricsOverride', width => $width, height => $height, deviceScaleFactor => 1, mobile => $width < 600 ? JSON::PP::true : JSON::PP::false);
	return $self;
}

# The next message; dies when none comes.
sub message
{
	my ($self) = @_;
	my $end = Time::HiRes::time() + 30;
	while (index($self->{buffer}, "\0") < 0)
	{
		my $left = $end - Time::HiRes::time();
		die "the browser is silent\n" if $left <= 0 || !IO::Select->new($self->{in})->can_read($left)
			|| !sysread $self->{in}, $self->{buffer}, 1 << 20, length $self->{buffer};
	}
	my ($first, $rest) = split /\0/, $self->{buffer}, 2;
	$self->{buffer} = $rest;
	return $json->decode($first);
}

sub call
{
	my ($self, $method, %params) = @_;
	my $id = ++$self->{id};
	my $request = { id => $id, method => $method, params => \%params };
	$request->{sessionId} = $self->{session} if $self->{session};
	print { $self->{out} } $json->encode($request), "\0";
	for (;;)
	{
		my $message = $self->message;
		if (($message->{id} // 0) == $id)
		{
			die "$method: $message->{error}{message}\n" if $message->{error};
			return $message->{result};
		}
		push @{ $self->{events} }, $message if $message->{method};
	}
}

sub open { my ($self, $url) = @_; $self->call('Page.navigate', url => $url); return $self->wait_for(q{document.readyState === 'complete'}); }

sub js
{
	my ($self, $expression) = @_;
	my $r = $self->call('Runtime.evaluate', expression => $expression, returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true);
	die "$expression: $r->{exceptionDetails}{exception}{description}\n" if $r->{exceptionDetails};
	return $r->{result}{value};
}

sub wait_for
{
	my ($self, $expression) = @_;
	my $end = Time::HiRes::time() + 20;
	while (Time::HiRes::time() < $end)
	{
		return 1 if eval { $self->js($expression) };
		Time::HiRes::sleep(0.05);
	}
	return 0;
}

sub type { my ($self, $text) = @_; $self->call('Input.insertText', text => "$text"); }

sub key
{
	my ($self, $key) = @_;
	my %code = (Tab => 9, Enter => 13, ArrowDown => 40);
	$self->call('Input.dispatchKeyEvent', type => $_, key => $key, code => $key, windowsVirtualKeyCode => $code{$key},
		$key eq 'Enter' && $_ eq 'keyDown' ? (text => "\r") : ()) foreach qw(keyDown keyUp);
}

sub screenshot
{
	my ($self, $file) = @_;
	CORE::open my $out, '>:raw', $file or die "$file: $!";
	print $out MIME::Base64::decode_base64($self->call('Page.captureScreenshot', format => 'png')->{data});
	close $out or die;
}

sub logged
{
	my ($self) = @_;
	$self->js('0');				# whatever was on its way is here then
	return join "\n", map {
		$_->{method} eq 'Log.entryAdded' ? $_->{params}{entry}{text} . ' ' . ($_->{params}{entry}{url} // '') :
		$_->{method} eq 'Runtime.consoleAPICalled' ? $json->encode($_->{params}{args}) :
		$_->{method} eq 'Runtime.exceptionThrown' ? $json->encode($_->{params}{exceptionDetails}) : ()
	} @{ $_[0]{events} };
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{owner} || !$self->{pid};
	local ($?, $@);
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
}

1;

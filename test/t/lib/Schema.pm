# Schema: is a value what a schema of OpenAPI 3.0 says?  As much of it as
# openapi.json uses; what is not known is an error, so that nothing passes unread.
package Schema;

use strict;
use warnings;
use JSON::PP ();

sub new { my ($class, $document) = @_; return bless { document => $document }, $class; }

sub resolve
{
	my ($self, $part) = @_;
	return $part if !defined $part->{'$ref'};
	my $found = $self->{document};
	$found = $found->{$_} foreach grep { $_ ne '#' } split m{/}, $part->{'$ref'};
	die "nothing at $part->{'$ref'}" if !$found;
	return $self->resolve($found);
}

sub type_of
{
	my ($v) = @_;
	return 'null' if !defined $v;
	return 'boolean' if JSON::PP::is_bool($v);
	return 'array' if ref $v eq 'ARRAY';
	return 'object' if ref $v;
	return 'string' if JSON::PP->new->allow_nonref->encode($v) =~ /^"/;
	return $v =~ /^-?\d+$/ ? 'integer' : 'number';
}

my %known = map { $_ => 1 }
	qw(type properties required additionalProperties items enum nullable oneOf minimum maximum description default);

# What is wrong; '' if nothing is.
sub check
{
	my ($self, $schema, $v, $where) = @_;
	$where ||= 'answer';
	$schema = $self->resolve($schema);
	my @strange = grep { !$known{$_} } keys %$schema;
	return "$where: the schema has @strange" if @strange;
	return '' if !defined $v && $schema->{nullable};
	if ($schema->{oneOf})
	{
		my @fits = grep { $self->check($_, $v, $where) eq '' } @{ $schema->{oneOf} };
		return @fits == 1 ? '' : "$where: fits " . @fits . ' of oneOf';
	}
	my $type = type_of($v);
	return "$where: is $type, not $schema->{type}"
		if $schema->{type} && $type ne $schema->{type} && !($schema->{type} eq 'number' && $type eq 'integer');
	return "$where: $v is not in enum" if $schema->{enum} && !grep { defined $_ && $_ eq $v } @{ $schema->{enum} };
	return "$where: $v is out of bounds" if defined $schema->{minimum} && $v < $schema->{minimum}
		or defined $schema->{maximum} && $v > $schema->{maximum};
	if ($type eq 'array' && $schema->{items})
	{
		foreach my $i (0 .. $#$v)
		{
			my $wrong = $self->check($schema->{items}, $v->[$i], "$where\[$i]");
			return $wrong if $wrong;
		}
	}
	return '' if $type ne 'object';
	foreach my $name (@{ $schema->{required} || [] })
	{
		return "$where: $name is missing" if !exists $v->{$name};
	}
	foreach my $name (keys %$v)
	{
		my $more = $schema->{additionalProperties} // 1;
		my $part = $schema->{properties}{$name} || (ref $more eq 'HASH' ? $more : undef);
		return "$where: $name is not in the schema" if !$part && !$more;
		my $wrong = $part ? $self->check($part, $v->{$name}, "$where.$name") : '';
		return $wrong if $wrong;
	}
	return '';
}

# An answer of Service against the operation's responses.
sub answer
{
	my ($self, $method, $path, $answer) = @_;
	my $operation = $self->{document}{paths}{$path}{ lc $method } or return "no $method $path";
	my $response = $operation->{responses}{ $answer->{status} } or return "no status $answer->{status} at $method $path";
	$response = $self->resolve($response);
	my ($type) = keys %{ $response->{content} };
	return "type $answer->{headers}{'content-type'}" if index($answer->{headers}{'content-type'} // '', $type) != 0;
	return $type eq 'application/json' ? $self->check($response->{content}{$type}{schema}, $answer->{json}) : '';
}

1;

# Tally: what prove and pg_prove print, and the counts appended to a file.
#
# prove --formatter Tally: the console's output; in the end one line with the
# numbers of passed, failed and skipped assertions goes to $LEADSCORE_TALLY, so
# that several runs can be added up.  A file that broke its plan, died, or ran
# nothing at all without saying why counts as one failure more, for a test that
# could not run has not passed.
package Tally;

use strict;
use warnings;
use parent 'TAP::Formatter::Console';

sub summary
{
	my ($self, $aggregate, @rest) = @_;
	my ($passed, $failed, $skipped) = (0, 0, 0);

	foreach my $parser ($aggregate->parsers)
	{
		my $skip = $parser->skipped;
		$skipped += $skip;
		$passed += $parser->passed - $skip;
		$failed += $parser->failed;
		if ($parser->skip_all)
		{
			$skipped++;
		}
		elsif (!$parser->failed && $parser->has_problems)
		{
			$failed++;
		}
		elsif (!$parser->tests_run)
		{
			$failed++;
		}
	}
	if (my $file = $ENV{LEADSCORE_TALLY})
	{
		open my $out, '>>', $file or die "$file: $!";
		print $out "$passed $failed $skipped\n";
		close $out or die "$file: $!";
	}
	return $self->SUPER::summary($aggregate, @rest);
}

1;

# A phone made of Net::SIP (Perl), as a process: net_sip_phone.pl HOST:PORT PORT USER PASSWORD [URI FILE]
# It registers; it calls URI, speaks FILE (u-law) and presses keys, or it waits to be called and sends back what it
# hears. What happens is written, one line each.
use strict;
use warnings;
use Net::SIP;

$| = 1;
my ( $registrar, $port, $user, $password, $uri, $file ) = @ARGV;
my $ua = Net::SIP::Simple->new(
    leg       => Net::SIP::Leg->new( addr => "127.0.0.1", port => $port ),
    registrar => $registrar,
    from      => "sip:$user\@$registrar",
    contact   => "sip:$user\@127.0.0.1:$port",
    auth      => [ $user, $password ],
);
my $is_over;
my $speech = $uri ? $ua->rtp( 'media_send_recv', $file, -1 ) : $ua->rtp('media_recv_echo');
my %media = ( init_media => $speech, recv_bye => \$is_over );
$ua->register( expires => 600 ) or die "not registered: " . $ua->error . "\n";
print "registered\n";
if ($uri) {
    my $call = $ua->invite( $uri, %media ) or die "no call: " . $ua->error . "\n";
    die "refused: " . $call->error . "\n" if $call->error;
    print "answered\n";
    my $is_pressed;
    $call->dtmf( '42', methods => 'rfc2833', duration => 120, cb_final => \$is_pressed );
    $ua->loop( 20, \$is_over );
}
else {
    $ua->listen( %media, cb_established => sub { print "answered\n" } );
    $ua->loop( 20, \$is_over );
}
print $is_over ? "ended\n" : "timed out\n";

namespace Rag.Answering.Verification;

internal sealed partial class Lexicon
{
    private const string EnglishOperators = """
        Not: 不, 没, 無, 无, 未, な い, ま せ ん, not, n't, no, never, none, nobody, nothing, nowhere, neither, nor, without, cannot, no longer, not any, fails to, failed to, fail to, failing to, unable, lacks, lacked, lacking, lack, hardly, scarcely, barely;
        NotOnly: not only, not just, not merely, not simply, n't only, n't just, n't merely, n't simply;
        Except: except, except for, unless, other than, apart from, excluding, with the exception of, but not;
        Possible: may, might, could, possibly, perhaps, maybe, probably, likely, allegedly, reportedly, supposedly, potentially, presumably, is said to, are said to, was said to;
        Can: can; Should: should, ought to; Must: must, has to, have to, had to, needs to, need to;
        MoreThan: more than, greater than, larger than, higher than, longer than, over #, above #, exceeding #, exceeds #, exceeded #, exceed #, in excess of, upwards of, north of #, beyond #, later than #;
        AtLeast: at least, no less than, not less than, no fewer than, a minimum of, minimum of, or more, or greater, or later, or above, or newer, or higher, at minimum;
        LessThan: less than, fewer than, smaller than, lower than, shorter than, under #, below #, beneath #, within #, earlier than #;
        AtMost: at most, no more than, not more than, up to #, a maximum of, maximum of, or less, or fewer, or below, or lower, or earlier, no later than, at maximum;
        Almost: almost, nearly, close to #, just under, virtually, practically; About: about #, approximately, around #, roughly, circa, an estimated, estimated at, ca, approx;
        Before: before, prior to, preceding #; After: after, subsequent to, following #; Since: since; Until: until, till, up until;
        More: more; Less: less, least, fewer, fewest;
        All: all, every, each, always, everyone, everybody, everything, everywhere, entirely, any; Most: most, majority, mostly, largely, mainly, primarily; Many: many, numerous;
        Some: some, several, certain, sometimes, occasionally, someone, partly, partially, a few, various; Few: few, rarely, seldom; Often: often, usually, frequently, generally, typically, commonly, normally;
        Only: only, solely, exclusively
        """;

    private const string EnglishFunctions = """
        a an the and or but of in on at to by for with from as is are was were be been being am it its itself he him his himself she her hers herself they them their theirs
        themselves we us our ours you your yours i me my mine this that these those there here which who whom whose what when where why how if then than so such also too very
        just even still yet already has have had having do does did doing done will would shall into onto upon through during between among amongst against about over under
        above below within across along around near off out up down while whereas although though because however therefore thus hence moreover furthermore both either whether
        own same other others another much quite rather as well via per s 's d ll re ve m o etc e.g i.e eg ie one's let toward towards throughout beside besides despite
        following according regarding concerning including beyond behind like unlike amid once again
        """;

    private const string EnglishConjunctions = "but although though whereas while because which who whom whose whereby however that since if when where unless so";

    private const string EnglishNumbers = """
        zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17
        eighteen=18 nineteen=19 twenty=20 thirty=30 forty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 half=0.5
        """;

    private const string EnglishScales = "hundred=100 thousand=1000 million=1000000 millions=1000000 billion=1000000000 billions=1000000000 trillion=1000000000000 bn=1000000000 mn=1000000 dozen=12";

    private const string EnglishOrdinals = """
        first=1 second=2 third=3 fourth=4 fifth=5 sixth=6 seventh=7 eighth=8 ninth=9 tenth=10 eleventh=11 twelfth=12 thirteenth=13 fourteenth=14 fifteenth=15 sixteenth=16
        seventeenth=17 eighteenth=18 nineteenth=19 twentieth=20 thirtieth=30 fortieth=40 fiftieth=50 hundredth=100
        """;

    private const string EnglishMonths = "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct november/nov december/dec";

    /// <summary>Words that a writer adds or leaves out without saying more or less.</summary>
    private const string EnglishLight = """
        make made use used using include includes included including known call called become became becoming part parts way ways thing things kind kinds type types form forms
        number numbers time times case cases example examples term terms name named names people person persons place places area areas get got give given gives take taken took
        find found see seen show shown shows say says said state stated states mention mentioned note noted describe described refer referred refers consider considered considering
        well new many different various particular particularly specific specifically certain main important major general generally group groups set sets system systems member
        members work works provide provides provided help helped helps allow allows lead led need needed begin began come came go went keep kept serve served act acted occur occurred
        happen happened exist existed contain contained contains involve involved result results resulting due fact addition additionally result respectively instead together
        relate related based located situated several etc able would could order form likely often usually document documents source sources text passage
        section according answer question
        """;

    /// <summary>Words of one meaning in most sentences; each stands for any other of its line.</summary>
    private const string EnglishGroups = """
        start begin commence launch initiate onset; end finish conclude terminate cease complete; build construct erect building; create make produce establish found form set; big large great huge vast;
        small little tiny minor; buy purchase acquire; help assist aid support; locate situate lie place position base; show demonstrate indicate reveal; use utilize employ utilise usage;
        name call title term entitle dub know refer; get obtain receive gain acquire earn; give grant award provide offer supply; need require necessary requirement; important significant key major main crucial principal primary central chief;
        city town municipality; country nation state; people person individual human; area region territory zone district; job work occupation profession employment; child kid children; doctor physician; school college;
        die death decease dead pass; kill murder slay assassinate; born birth; marry wed wife husband spouse marriage; live reside inhabit dwell; move relocate migrate; leave depart exit; arrive come reach; happen occur take; cause lead result trigger;
        think believe consider regard; say state tell claim declare announce report; write author pen; paint painter; fight battle combat; war conflict; army military force troop soldier; king monarch ruler sovereign; leader head chief ruler; rule govern reign control;
        company firm corporation business; car automobile vehicle; movie film; song track single; picture image photo photograph; money fund cash; price cost; rich wealthy; poor impoverished; fast quick rapid swift; slow gradual;
        choose select pick opt elect; change alter modify; fix repair mend; try attempt seek; stop halt prevent; hold keep retain maintain; own possess have belong; contain include comprise consist hold; part portion section component element; piece fragment;
        kind type sort variety category class form; method way technique approach means; aim goal purpose objective intention; idea concept notion; problem issue trouble difficulty; answer reply respond response; ask request query; send transmit deliver; get fetch retrieve;
        remove delete eliminate discard; add append insert; show display; hide conceal; join unite connect link combine merge; split divide separate; gather collect assemble; find discover detect; look search seek; watch observe see view; hear listen;
        old ancient; new modern recent; famous renowned notable well-known prominent; common usual typical; total whole entire; near close adjacent; far distant; sea ocean; river stream; mountain peak; road street route; ship vessel boat; plane aircraft airplane;
        law act legislation statute; court tribunal; prison jail; crime offence offense; religion faith; god deity; church cathedral; priest clergy; language tongue; word term; book novel volume; newspaper paper; teacher instructor professor; student pupil;
        player athlete; win victory triumph victor; lose defeat loss; team club squad; game match; championship title; appoint name nominate designate; replace substitute supersede; succeed follow; precede; appear feature star; play perform; release publish issue launch;
        increase rise grow growth expand climb; decrease decline fall drop reduce reduction shrink; rate ratio proportion share percentage; amount quantity number; level degree; approximately roughly; yearly annual annually; monthly month; daily day; originate origin come derive;
        oil petroleum; attack assault raid; invade invasion conquer conquest; destroy ruin demolish; protect defend guard safeguard; agree consent accept; refuse reject decline deny; allow permit let enable; forbid ban prohibit; force compel oblige; study research investigate examine; test trial;
        size extent dimension; length long; height high tall; width wide broad; weight heavy weigh; depth deep; age old; male man men boy; female woman women girl; father dad; mother mom; attend visit; teach educate instruct; learn study; expert specialist; begin introduce; view opinion perspective; influence affect impact effect;
        run operate execute; server host; configure configuration set setting option; folder directory; error failure fault; default standard; restart reboot; log record; limit restrict; store save keep; load read; check verify validate; return yield give; command instruction; parameter argument; disable deactivate; enable activate
        """;

    /// <summary>Words that exclude each other in one place.</summary>
    private const string EnglishOpposites = """
        increase rise grow gain climb growth | decrease decline fall drop reduce shrink reduction loss; more | less fewer; most | least fewest; greater larger bigger | smaller lesser; higher | lower; high | low; highest | lowest; largest biggest greatest | smallest; big large | small; longer | shorter; long | short; longest | shortest;
        faster | slower; fast quick rapid | slow; stronger | weaker; strong | weak; better | worse; best | worst; older | younger newer; oldest | youngest newest; old | new young; early | late; earlier | later; earliest | latest; heavier | lighter; heavy | light; deeper | shallower; wider | narrower; wide | narrow; richer | poorer; rich | poor;
        first | last final; before | after; above | below; over | under; north northern | south southern; east eastern | west western; northeast | southwest; northwest | southeast; left | right; up | down; upper | lower; inside internal inner | outside external outer; inland | coastal; top | bottom; front | back rear; near | far; maximum | minimum; max | min; ascending | descending;
        accept agree | reject refuse deny; allow permit | forbid prohibit ban prevent deny; enable | disable; enabled | disabled; on | off; open | close closed shut; start begin | stop end cease finish; win won victory | lose lost defeat; succeed success | fail failure; create build establish | destroy abolish dissolve; add | remove delete subtract; include | exclude; join | leave; enter | exit; arrive | depart leave; appear | disappear vanish;
        buy purchase | sell; import | export; lend | borrow; give | take receive; push | pull; send | receive; attack | defend; love | hate; like | dislike; support | oppose; ally | enemy; friend | enemy; peace | war; true | false; correct right | wrong incorrect; legal lawful | illegal unlawful; guilty | innocent; alive living | dead; born | died; male man men | female woman women; king | queen; father | mother; son | daughter; brother | sister; husband | wife;
        public | private; rural | urban; domestic | foreign; local | global; national | international; primary | secondary; simple | complex complicated; easy | difficult hard; cheap | expensive; safe | dangerous unsafe; hot | cold; warm | cool; wet | dry; dark | light bright; black | white; full | empty; same | different; similar | different dissimilar; common | rare uncommon; positive | negative; optimistic | pessimistic; rise | set; day | night; morning | evening; summer | winter; spring | autumn;
        major | minor; majority | minority; superior | inferior; voluntary | compulsory mandatory; optional | required mandatory; temporary | permanent; partial | complete total; single | multiple; unique | common; odd | even; always | never; often frequently | rarely seldom; everyone | nobody; everything | nothing; everywhere | nowhere; all | none; many | few; only | also too; with | without; possible | impossible; likely | unlikely; able | unable; visible | invisible; direct | indirect; dependent | independent; active | inactive passive; read | write; input | output; upload | download; encrypt | decrypt; compress | decompress; master | replica slave; primary | replica; synchronous | asynchronous; static | dynamic; client | server; hit | miss; lock | unlock; mount | unmount; connect | disconnect; install | uninstall; load | unload; backward | forward; previous | next; ancient | modern; past | future; offensive | defensive; employer | employee; teacher | student; parent | child; predator | prey; cause | effect; theory | practice; question | answer; expand | contract; strengthen | weaken; improve | worsen; encourage | discourage; approve | disapprove reject; praise | criticize; employ hire | fire dismiss; raise | lower; lengthen | shorten; widen | narrow; accelerate | decelerate slow; conservative | liberal; left-wing | right-wing; capitalist | communist; rich | impoverished; ancestor | descendant; exceed | precede; predecessor | successor; precede | follow succeed; export | import; gain | lose; profit | loss; surplus | deficit; arrival | departure; entrance | exit; winner | loser; victory | defeat; birth | death; beginning | end
        """;
}

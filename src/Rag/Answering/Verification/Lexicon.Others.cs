namespace Rag.Answering.Verification;

internal sealed partial class Lexicon
{
    private const string GermanOperators = """
        Not: nicht, kein, keine, keinen, keinem, keiner, keines, nie, niemals, niemand, nichts, nirgends, weder, noch nie, ohne, nicht mehr, kaum;
        Except: ausser, ausgenommen, mit ausnahme von, es sei denn, sofern nicht; Possible: vielleicht, möglicherweise, wahrscheinlich, vermutlich, angeblich, eventuell, könnte, könnten, dürfte, dürften;
        Can: kann, können; Should: soll, sollen, sollte, sollten; Must: muss, müssen, musste, mussten;
        MoreThan: mehr als, grösser als, über #, höher als, länger als; AtLeast: mindestens, wenigstens, nicht weniger als, oder mehr; LessThan: weniger als, kleiner als, unter #, niedriger als, kürzer als;
        AtMost: höchstens, maximal, bis zu, nicht mehr als, oder weniger; Almost: fast, beinahe, nahezu, knapp; About: etwa, ungefähr, circa, ca, rund, zirka;
        Before: vor, bevor; After: nach, nachdem; Since: seit; Until: bis;
        All: alle, allen, aller, alles, jede, jeder, jedes, jeden, jedem, immer, stets, sämtliche; Most: meisten, meist, meistens, mehrheit, überwiegend; Many: viele, vielen, zahlreiche; Some: einige, manche, mehrere, manchmal, teilweise; Few: wenige, selten; Often: oft, häufig, üblicherweise, normalerweise, gewöhnlich; Only: nur, ausschliesslich, lediglich
        """;

    private const string GermanFunctions = """
        der die das den dem des ein eine einen einem einer eines und oder aber von im in am an auf zu zur zum bei für mit aus als ist sind war waren sein wird werden wurde wurden worden
        es er sie ihn ihm ihr ihre ihren ihrem ihrer seine seinen seinem seiner wir uns unser unsere ich mich mir mein meine du dich dir ihr dies diese dieser dieses diesen jene dass ob wenn wer was wo wann wie warum
        hat haben hatte hatten habe auch so sehr schon noch da dort hier sich man durch um gegen zwischen während weil da damit denn dann also doch sowie beim vom ins welche welcher welches
        """;

    private const string GermanConjunctions = "aber sondern obwohl während weil jedoch";
    private const string GermanNumbers = "null=0 zwei=2 drei=3 vier=4 fünf=5 sechs=6 sieben=7 acht=8 neun=9 zehn=10 elf=11 zwölf=12 dreizehn=13 vierzehn=14 fünfzehn=15 sechzehn=16 siebzehn=17 achtzehn=18 neunzehn=19 zwanzig=20 dreissig/dreißig=30 vierzig=40 fünfzig=50 sechzig=60 siebzig=70 achtzig=80 neunzig=90";
    private const string GermanScales = "hundert=100 tausend=1000 million/millionen/mio=1000000 milliarde/milliarden/mrd=1000000000 billion/billionen=1000000000000";
    private const string GermanOrdinals = "erste/ersten/erster/erstes=1 zweite/zweiten/zweiter/zweites=2 dritte/dritten/dritter/drittes=3 vierte/vierten/vierter=4 fünfte/fünften/fünfter=5 sechste/sechsten=6 siebte/siebten=7 achte/achten=8 neunte/neunten=9 zehnte/zehnten=10";
    private const string GermanMonths = "januar/jan/jänner februar/feb märz april/apr mai juni/jun juli/jul august/aug september/sep/sept oktober/okt november/nov dezember/dez";

    private const string FrenchOperators = """
        Not: pas, ne, n', jamais, aucun, aucune, rien, personne ne, sans, ni, ne plus, nullement, guère; Except: sauf, excepté, hormis, à l'exception de, à moins que; Possible: peut-être, probablement, possiblement, éventuellement, pourrait, pourraient, prétendument;
        Can: peut, peuvent; Should: devrait, devraient; Must: doit, doivent, devait, devaient;
        MoreThan: plus de #, plus que, supérieur à, supérieure à, au-dessus de; AtLeast: au moins, au minimum, ou plus, minimum; LessThan: moins de #, moins que, inférieur à, inférieure à, en dessous de;
        AtMost: au plus, au maximum, jusqu'à #, ou moins, maximum; Almost: presque, quasiment; About: environ, approximativement, quelque #;
        Before: avant; After: après; Since: depuis; Until: jusqu'à, jusqu'en, jusqu'au;
        All: tous, toutes, tout, toute, chaque, toujours; Most: plupart, majorité, majoritairement; Many: nombreux, nombreuses, beaucoup; Some: certains, certaines, quelques, plusieurs, parfois; Few: peu, rarement; Often: souvent, généralement, habituellement; Only: seulement, uniquement, exclusivement
        """;

    private const string FrenchFunctions = """
        le la les l l' un une des du de d d' et ou mais à a au aux en dans sur par pour avec est sont était étaient être été sera seront il elle ils elles lui leur leurs son sa ses se s s' ce cet cette ces c c' cela
        qui que qu qu' quoi dont où quand comment pourquoi si nous notre nos vous votre vos je j j' me moi mon ma mes tu te toi ton ta tes ont avait avaient avoir eu aussi très plus y donc car puis ainsi alors entre vers chez comme
        """;

    private const string FrenchConjunctions = "mais quoique bien cependant tandis car";
    private const string FrenchNumbers = "zéro=0 deux=2 trois=3 quatre=4 cinq=5 six=6 sept=7 huit=8 neuf=9 dix=10 onze=11 douze=12 treize=13 quatorze=14 quinze=15 seize=16 vingt=20 trente=30 quarante=40 cinquante=50 soixante=60";
    private const string FrenchScales = "cent/cents=100 mille=1000 million/millions=1000000 milliard/milliards=1000000000";
    private const string FrenchOrdinals = "premier/première/premiers/premières=1 deuxième/seconde/second=2 troisième=3 quatrième=4 cinquième=5 sixième=6 septième=7 huitième=8 neuvième=9 dixième=10";
    private const string FrenchMonths = "janvier/janv février/févr mars avril mai juin juillet/juil août septembre/sept octobre/oct novembre/nov décembre/déc";

    private const string SpanishOperators = """
        Not: no, nunca, jamás, ningún, ninguno, ninguna, nada, nadie, sin, ni, tampoco, ya no, apenas; Except: excepto, salvo, menos que, a menos que, con excepción de; Possible: quizá, quizás, tal vez, posiblemente, probablemente, podría, podrían, supuestamente;
        Can: puede, pueden; Should: debería, deberían; Must: debe, deben, debía, debían, tiene que, tienen que;
        MoreThan: más de, más que, superior a, por encima de; AtLeast: al menos, por lo menos, como mínimo, o más, no menos de; LessThan: menos de, menos que, inferior a, por debajo de;
        AtMost: como máximo, a lo sumo, hasta #, no más de, o menos; Almost: casi; About: unos #, unas #, aproximadamente, alrededor de, cerca de #;
        Before: antes, antes de; After: después, después de, tras; Since: desde; Until: hasta;
        All: todos, todas, todo, toda, cada, siempre; Most: mayoría, mayormente; Many: muchos, muchas, numerosos, numerosas; Some: algunos, algunas, algún, alguna, varios, varias; Few: pocos, pocas, raramente; Often: frecuentemente, generalmente, normalmente, habitualmente; Only: solo, sólo, solamente, únicamente, exclusivamente
        """;

    private const string SpanishFunctions = """
        el la los las lo un una unos unas de del y e o u pero a al en por para con es son era eran ser sido fue fueron será serán está están estaba estar él ella ellos ellas le les se su sus que quien quienes cual cuales cuando donde cómo como
        si nos nuestro nuestra yo me mi mis tú te tu tus este esta estos estas ese esa esos esas aquel ha han había habían haber hay también muy ya así entonces entre sobre desde porque aunque pues
        """;

    private const string SpanishConjunctions = "pero sino aunque mientras porque";
    private const string SpanishNumbers = "cero=0 dos=2 tres=3 cuatro=4 cinco=5 seis=6 siete=7 ocho=8 nueve=9 diez=10 once=11 doce=12 trece=13 catorce=14 quince=15 veinte=20 treinta=30 cuarenta=40 cincuenta=50 sesenta=60 setenta=70 ochenta=80 noventa=90";
    private const string SpanishScales = "cien/ciento/cientos=100 mil=1000 millón/millones=1000000";
    private const string SpanishOrdinals = "primero/primera/primer/primeros/primeras=1 segundo/segunda=2 tercero/tercera/tercer=3 cuarto/cuarta=4 quinto/quinta=5 sexto/sexta=6 séptimo/séptima=7 octavo/octava=8 noveno/novena=9 décimo/décima=10";
    private const string SpanishMonths = "enero/ene febrero/feb marzo/mar abril/abr mayo junio/jun julio/jul agosto/ago septiembre/sept octubre/oct noviembre/nov diciembre/dic";
}

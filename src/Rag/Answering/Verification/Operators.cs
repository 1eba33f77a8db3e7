namespace Rag.Answering.Verification;

/// <summary>
/// What may be added to what a source says, and what may be left out. "Some" may be left out of "some say", since the claim
/// still needs its own words; "not", a bound before a number and "may" may not. What only weakens may be added.
/// </summary>
internal static class Operators
{
    /// <summary>A claim that has it needs it in the source too.</summary>
    public static bool MustBeInSource(Operator op) => op is Operator.Not or Operator.NotOnly or Operator.Except or Operator.Must or Operator.MoreThan or Operator.AtLeast
        or Operator.LessThan or Operator.AtMost or Operator.Before or Operator.After or Operator.Since or Operator.Until or Operator.All or Operator.Most or Operator.Only or Operator.Few
        or Operator.More or Operator.Less;

    /// <summary>A source that has it beside words of the claim needs it in the claim too.</summary>
    public static bool MustBeInClaim(Operator op) => op is Operator.Not or Operator.Except or Operator.Possible or Operator.MoreThan or Operator.AtLeast
        or Operator.LessThan or Operator.AtMost or Operator.Before or Operator.After or Operator.Until or Operator.Few;

    /// <summary>Operators of which one excludes another in its place; 0 where none does.</summary>
    public static int Group(Operator op) => op switch
    {
        Operator.Possible or Operator.Can or Operator.Should or Operator.Must => 1,
        Operator.MoreThan or Operator.AtLeast or Operator.LessThan or Operator.AtMost or Operator.Almost => 2,
        Operator.Before or Operator.After or Operator.Since or Operator.Until => 3,
        Operator.All or Operator.Most or Operator.Many or Operator.Some or Operator.Few or Operator.Often => 4,
        Operator.More or Operator.Less => 5,
        _ => 0,
    };

    /// <summary>Turns the truth however freely the rest is worded; the others are asked for where the wording is the source's.</summary>
    public static bool IsHard(Operator op) => op is Operator.Not or Operator.Except or Operator.Must or Operator.MoreThan or Operator.AtLeast or Operator.LessThan or Operator.AtMost or Operator.Only;

    /// <summary>A bound and its looser reading: whoever says "over 500" also says "at least 500".</summary>
    public static bool Implies(Operator source, Operator claim) => source == claim
        || (source, claim) is (Operator.MoreThan, Operator.AtLeast) or (Operator.LessThan, Operator.AtMost) or (Operator.Almost, Operator.LessThan)
        or (Operator.All, Operator.Most) or (Operator.Must, Operator.Should);
}

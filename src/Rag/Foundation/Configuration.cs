using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Rag.Foundation;

/// <summary>A mistake in the configuration: the key, what is wrong with its value, and the remedy.</summary>
internal sealed record ConfigurationError(string Key, string Problem, string Remedy)
{
    public override string ToString() => $"{Key}: {Problem}; {Remedy}.";
}

/// <summary>A configuration value and where it comes from: default, file, environment or flag.</summary>
public sealed record ConfigurationValue(string Key, string? Value, string From);

/// <summary>Options that name their section and report every mistake in it.</summary>
internal interface IValidatedOptions
{
    string Section { get; }

    IEnumerable<ConfigurationError> Validate();
}

/// <summary>All mistakes of a configuration at once.</summary>
internal sealed class ConfigurationException(IReadOnlyList<ConfigurationError> errors)
    : Exception("The configuration has " + (errors.Count == 1 ? "a mistake" : $"{errors.Count} mistakes") + ":\n  " + string.Join("\n  ", errors))
{
    public IReadOnlyList<ConfigurationError> Errors { get; } = errors;
}

/// <summary>
/// The sections that the slices own. Each registers its options here; at start-up every section is bound and
/// checked, so that all mistakes, unknown keys included, are reported together before anything runs.
/// </summary>
internal sealed class ConfigurationSections(IConfiguration configuration)
{
    private readonly List<(string Section, IValidatedOptions Options)> _sections = [];
    private readonly List<ConfigurationError> _errors = [];

    public IEnumerable<(string Section, IValidatedOptions Options)> All => _sections;

    /// <summary>What the sections are bound from.</summary>
    public IConfiguration Configuration => configuration;

    public T Bind<T>() where T : class, IValidatedOptions, new()
    {
        var options = new T();
        var section = configuration.GetSection(options.Section);
        Bind(section, options);
        _sections.Add((options.Section, options));
        return options;
    }

    /// <summary>Every key with its value and, through <paramref name="sourceOf"/>, where that comes from; of secrets only that they are set.</summary>
    public IEnumerable<ConfigurationValue> Effective(Func<string, string> sourceOf) => _sections.SelectMany(s => Effective(s.Section, s.Options, sourceOf));

    private static IEnumerable<ConfigurationValue> Effective(string path, object options, Func<string, string> sourceOf)
    {
        foreach (var property in options.GetType().GetProperties().Where(p => p is { CanWrite: true, CanRead: true }).OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            string key = $"{path}:{property.Name}";
            object? value = property.GetValue(options);
            if (IsNested(property.PropertyType))
            {
                foreach (var inner in Effective(key, value!, sourceOf)) yield return inner;
                continue;
            }
            bool secret = property.Name is "ApiKey" or "Password" or "Secret" or "ConnectionString";
            string? shown = value switch
            {
                null => null,
                _ when secret => "(set)",
                System.Collections.IEnumerable list and not string => string.Join(' ', list.Cast<object>()),
                IFormattable formattable => formattable.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
                _ => value.ToString(),
            };
            yield return new(key, shown, sourceOf(key));
        }
    }

    private static bool IsNested(Type type) => type.Namespace?.StartsWith("Rag", StringComparison.Ordinal) == true && type.IsClass;

    /// <summary>Throws one <see cref="ConfigurationException"/> with every mistake, or nothing.</summary>
    public void ThrowIfWrong()
    {
        string[] framework = ["Logging", "Kestrel"];
        foreach (var root in configuration.GetChildren())
            if (!framework.Contains(root.Key, StringComparer.OrdinalIgnoreCase) && !_sections.Any(s => s.Section.Equals(root.Key, StringComparison.OrdinalIgnoreCase)))
                _errors.Add(new(root.Path, "is not a known section", $"use one of {string.Join(", ", _sections.Select(s => s.Section).Order())}"));
        var errors = _errors.Concat(_sections.SelectMany(s => s.Options.Validate())).ToList();
        if (errors.Count > 0) throw new ConfigurationException(errors);
    }

    private void Bind(IConfigurationSection section, object target)
    {
        var properties = target.GetType().GetProperties().Where(p => p is { CanWrite: true, CanRead: true })
            .ToDictionary(p => p.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (!properties.TryGetValue(child.Key, out var property))
            {
                string known = string.Join(", ", properties.Keys.Order());
                _errors.Add(new(child.Path, "is not a known key", $"use one of {known}"));
                continue;
            }
            if (child.GetChildren().Any() && property.GetValue(target) is { } nested && IsNested(property.PropertyType))
            {
                Bind(child, nested);
                continue;
            }
            try
            {
                if (child.Get(property.PropertyType) is { } value) property.SetValue(target, value);
            }
            catch (InvalidOperationException)
            {
                var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
                _errors.Add(new(child.Path, $"'{child.Value}' is not a value of type {type.Name}", $"give a {type.Name}, such as {property.GetValue(target)}"));
            }
        }
    }
}

internal static class ConfigurationSectionsExtensions
{
    /// <summary>Binds and registers a slice's options; the returned instance may be read at once.</summary>
    public static T AddSection<T>(this IServiceCollection services, ConfigurationSections sections) where T : class, IValidatedOptions, new()
    {
        var options = sections.Bind<T>();
        services.AddSingleton(options);
        return options;
    }
}

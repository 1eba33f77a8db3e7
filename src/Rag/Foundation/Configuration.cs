using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Rag.Foundation;

/// <summary>A mistake in the configuration: the key, what is wrong with its value, and the remedy.</summary>
internal sealed record ConfigurationError(string Key, string Problem, string Remedy)
{
    public override string ToString() => $"{Key}: {Problem}; {Remedy}.";
}

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

    public T Bind<T>() where T : class, IValidatedOptions, new()
    {
        var options = new T();
        var section = configuration.GetSection(options.Section);
        Bind(section, options);
        _sections.Add((options.Section, options));
        return options;
    }

    /// <summary>Throws one <see cref="ConfigurationException"/> with every mistake, or nothing.</summary>
    public void ThrowIfWrong()
    {
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
            if (child.GetChildren().Any() && property.GetValue(target) is { } nested && property.PropertyType.Namespace?.StartsWith("Rag", StringComparison.Ordinal) == true)
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

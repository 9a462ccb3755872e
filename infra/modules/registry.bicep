// The container registry. Images are pulled by identity; the admin user is disabled.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the registry, unique across Azure.')
param name string

@description('Whether it is reached through its private endpoint only.')
param isPrivate bool

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: name
  location: location
  tags: tags
  // Only Premium has private endpoints.
  sku: { name: isPrivate ? 'Premium' : 'Basic' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    // AcrPull holds only in this mode. The other one, with permissions for each repository, becomes Azure's default.
    roleAssignmentMode: 'LegacyRegistryPermissions'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

@description('Server name of the registry.')
output loginServer string = registry.properties.loginServer

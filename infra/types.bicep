// What more than one template takes.

@export()
@description('Tags of every resource: how azd finds its environment\'s.')
type Tags = {
  'azd-env-name': string
}

@export()
@description('Settings of a program: environment variables.')
type Settings = {
  *: string
}
